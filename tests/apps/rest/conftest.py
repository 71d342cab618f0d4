from collections.abc import Callable

import pytest

from apps.backups.runner import RUNNER
from apps.tokens.last_used import LAST_USED
from apps.tokens.throttle import FAILED
from tests.support.rest import Caller, token_with


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No failures of other tests, no writes of a thread into the transaction of this one, no process of a backup."""
    FAILED.forget()
    monkeypatch.setattr(LAST_USED, "note", lambda *_: None)
    monkeypatch.setattr(RUNNER, "_spawn", lambda *_, **__: None)


@pytest.fixture
def api(db: None, forget_audit: Callable[[], None]) -> Caller:
    """A caller who may do everything."""
    caller = Caller(token_with())
    forget_audit()
    return caller
