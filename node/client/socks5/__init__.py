"""SOCKS5 (RFC 1928, RFC 1929): a server for programs of this machine, and the way through somebody else's proxy."""
