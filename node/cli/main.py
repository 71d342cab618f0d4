"""The `alknet` command itself: what must be in place before anything else is imported."""

import signal
import sys
from importlib import import_module
from types import FrameType

_SERVERS = ("up", "node", "web")


def main() -> None:
    """Entry point of the console script."""
    if sys.argv[1:2] and sys.argv[1] in _SERVERS:
        # A server that is told to stop while it is still being imported has stopped in order.
        signal.signal(signal.SIGTERM, _stop)
    import_module("node.cli.commands").app()


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
