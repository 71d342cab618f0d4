"""How dates and times read on the panel, in place of the ways of each language that Django knows."""
