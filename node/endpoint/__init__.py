"""Accept, dispatch by ALPN, enforce, drain. Knows handlers and transports by their contracts only."""
