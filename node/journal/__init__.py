"""The journal of a node: what happened to its connections, in a file of its own that the web process reads."""
