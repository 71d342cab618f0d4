"""`alknet up`: keeps the web process and the node alive, and tells when both really serve."""
