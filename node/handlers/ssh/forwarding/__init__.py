"""Port forwarding of SSH: connections through the node, and ports of the node that lead to the client (docs/adr/0053).

RFC 4254 §7, and OpenSSH's `streamlocal` channels for Unix sockets. What the rules do not allow is neither looked up,
nor dialled, nor bound.
"""
