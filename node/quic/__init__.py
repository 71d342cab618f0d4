"""QUIC for the node: aioquic as a sans-I/O engine behind the contracts of `node.core` (decision 20).

Its rooms, from the lowest: `udp` has the sockets, `tls` the handshake, `engine` the state of one connection without any
I/O, `connection` what runs it on a socket and on the loop; `client` dials, `server` accepts. Each knows those below it.
Nothing is imported here, so that `node.quic.limits` stays cheap to import; no aioquic type leaves this package.
"""
