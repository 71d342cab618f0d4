"""Private pages for programs that watch: `/metrics` for Prometheus, `/readyz` and `/healthz`, on a port of their own.

Node and web process share it. It knows the core alone: what is told comes from whoever opens the port.
"""
