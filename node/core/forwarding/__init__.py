"""Forwarding: whom peers may reach through the node, and where they may listen on it (docs/adr/0052)."""
