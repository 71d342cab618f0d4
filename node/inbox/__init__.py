"""The inbox of `node.db`: claims of new machines, on their way from the node to the web process (docs/adr/0041)."""
