from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.support.vault_node import VaultNode


@pytest.fixture(scope="module")
def _running_node() -> Iterator[VaultNode]:
    node = VaultNode(settings.PATHS.control_socket)
    yield node
    node.end()


@pytest.fixture
def node(_running_node: VaultNode) -> VaultNode:
    """A node that signs, with its vault unlocked."""
    _running_node.tell("unlock")
    return _running_node
