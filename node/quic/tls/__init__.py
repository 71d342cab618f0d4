"""The handshake: what a node shows, what it reads of a peer, and the proof that the peer holds its key."""
