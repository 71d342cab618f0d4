from collections.abc import Iterator

import pytest
from django.conf import settings

from node.local_socket import LocalSocket


@pytest.fixture
def running_node() -> Iterator[None]:
    """Somebody listens where a running node does."""
    listening = LocalSocket.listen(settings.PATHS.control_socket)
    yield
    listening.close()
