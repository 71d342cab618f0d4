"""What runs on a user's machine: dialling a node, and calling its operations."""
