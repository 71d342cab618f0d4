"""Keeps the memory of this process to itself: no core file, no look from another process of the same user.

Best effort, and said to be so in docs/vault.md. What the kernel refuses is told and does no other harm.
"""

import ctypes
import logging
import resource
import sys

_PR_SET_DUMPABLE = 4
"""Of prctl(2): without it the kernel writes no core file and lets no other process of this user trace this one."""

logger = logging.getLogger(__name__)


def keep_to_ourselves() -> None:
    """Call it before the first secret is in memory."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl refuses")
    except (OSError, ValueError, AttributeError) as error:
        logger.warning("core files of this process cannot be ruled out", extra={"error": str(error)})
