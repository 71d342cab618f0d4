"""SFTP version 3 over a byte stream of its own, and as the subsystem of SSH (docs/sftp.md, docs/adr/0050)."""
