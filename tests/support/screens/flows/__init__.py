"""Ways through the panel whose pages no address leads to: what is asked before an act, shown once, or refused.

Each takes the looker, whose tab shows the panel with its administrator signed in, and leaves it so unless it says
otherwise.
"""
