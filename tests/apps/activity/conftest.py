from collections.abc import Iterator

import pytest
from django.conf import settings

from node.local_socket import LocalSocket
from tests.support.control import Told, control_thread


@pytest.fixture
def running_node() -> Iterator[None]:
    """Somebody listens where a running node does."""
    listening = LocalSocket.listen(settings.PATHS.control_socket)
    yield
    listening.close()


@pytest.fixture
def node() -> Iterator[Told]:
    """A control socket that answers, of a node that is only told of."""
    with control_thread(settings.PATHS.control_socket) as told:
        yield told
