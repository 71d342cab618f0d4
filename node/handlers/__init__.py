"""One folder per protocol. None imports another; `call` is the one allowed foundation."""
