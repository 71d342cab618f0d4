"""The data plane: what packets meet."""
