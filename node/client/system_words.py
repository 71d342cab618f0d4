"""What the system says of a socket that could not be had, without the address, which whoever tells it names himself."""

import os
import socket


def system_words(error: OSError) -> str | None:
    """asyncio's own words have the address in them. Of a name that is not found the number is none of errno's."""
    if error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror
