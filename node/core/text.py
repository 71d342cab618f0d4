"""Text from outside, made fit for terminals and logs."""

REPLACEMENT = "\ufffd"


def printable(text: str, replacement: str = REPLACEMENT) -> str:
    """The text with every character that could steer a terminal or break a line replaced."""
    return "".join(char if char.isprintable() else replacement for char in text)
