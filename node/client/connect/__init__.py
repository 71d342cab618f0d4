"""`alknet connect`: ports of this machine that lead through a node, and are there whether or not it is."""
