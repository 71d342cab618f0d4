"""QUIC for the node: aioquic as a sans-I/O engine behind the contracts of `node.core` (decision 20).

Nothing is imported here, so that `node.quic.limits` stays cheap to import; no aioquic type leaves this package.
"""
