"""What ends a connection of SSH, or keeps one from beginning."""


class ShapeChanged(RuntimeError):
    """The installed asyncssh is not the one that this room was written against: nothing is served."""


class NoHostKey(Exception):
    """The node cannot prove itself at the moment; the message says why."""


class CannotRun(Exception):
    """A program cannot be run as this node is set up; the message is for its administrator."""
