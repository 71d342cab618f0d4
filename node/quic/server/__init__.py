"""Accepting connections: who is let in, and one port for all protocols."""
