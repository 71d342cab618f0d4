"""The control socket: what this machine's administrator asks of the running node, and no network peer can reach."""
