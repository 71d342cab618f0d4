"""A directory of this machine as a tree of files that nothing leads out of (docs/adr/0050)."""
