from collections.abc import Iterator

import pytest
from django.conf import settings

from apps.panel.setup_link import ensure_setup_token


@pytest.fixture
def setup_token(db: None) -> Iterator[str]:
    """The token of an appliance without an administrator."""
    token = ensure_setup_token()
    assert token is not None
    yield token
    settings.PATHS.setup_token.unlink(missing_ok=True)
