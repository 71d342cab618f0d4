"""`alknet/register`: a machine that is no peer yet claims a one-time code (docs/adr/0041)."""
