"""Whether the node's process lives: the kernel's word, by the socket that it listens on (docs/control.md).

A killed node tells no ends of its connections, and they ended with it. Until its next life says so in the journal, this
does.
"""

import socket
from pathlib import Path

from django.conf import settings

PATIENCE_S = 0.2


def node_runs(path: Path | None = None) -> bool:
    """Whether anybody listens on the control socket, that of the data directory unless another is named.

    A connect, and nothing said: microseconds, and no work for the node's loop but a close.
    """
    place = path or settings.PATHS.control_socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PATIENCE_S)
        try:
            probe.connect(str(place))
        except BlockingIOError:
            return True  # so many wait to be heard that it must live
        except OSError:
            return False
    return True
