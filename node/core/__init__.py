"""Contracts and pure rules shared by every other room: no I/O, no Django, no aioquic, no SQLite."""
