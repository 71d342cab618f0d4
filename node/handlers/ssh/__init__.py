"""`alknet/ssh`: SSH over one stream of a connection, with the peer list as its only authority (docs/adr/0051).

RFC 4252-4254 with OpenSSH's extensions, by asyncssh. Whatever is not allowed by name is refused.
"""
