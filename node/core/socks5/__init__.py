"""SOCKS5 (RFC 1928, RFC 1929), as far as those who serve it and those who ask for it share it."""
