"""A running connection: the engine on a socket and on the loop, and its streams."""
