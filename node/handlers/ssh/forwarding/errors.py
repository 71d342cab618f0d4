"""Why nothing is forwarded. None of them names where to."""


class Denied(Exception):
    """The peer may not."""


class NoPlace(Exception):
    """There are as many already as the settings allow. The message says of what."""


class Unreachable(Exception):
    """It may, and the node cannot connect there or listen there."""
