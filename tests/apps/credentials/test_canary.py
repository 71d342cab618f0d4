"""A content that was posted and not stored is nowhere afterwards: no answer, session, log, report or file has it."""

import base64
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.signals import got_request_exception
from django.db import connection
from django.http import HttpRequest
from django.test import Client, override_settings
from django.views.debug import ExceptionReporter, technical_500_response

from apps.credentials import services
from tests.support.credentials import insert, stored
from tests.support.panel import audit
from tests.support.vault_node import VaultNode

CANARY = "sk-canary-c0ffee-7f3a91"
ADD = "/credentials/credential/add/"
FORM = {"provider": "openai", "content": CANARY}

pytestmark = pytest.mark.django_db(transaction=True)


def traces() -> tuple[bytes, ...]:
    raw = CANARY.encode()
    return raw, raw.hex().encode(), base64.b64encode(raw)


def assert_clean(*texts: Any) -> None:
    for text in texts:
        shown = text if isinstance(text, bytes) else str(text).encode()
        assert not [trace for trace in traces() if trace in shown]


def assert_no_file_has_it() -> None:
    """The database, its log and whatever else lies in the data directory."""
    data: Path = settings.PATHS.data
    files = [path for path in data.rglob("*") if path.is_file()]
    assert Path(connection.settings_dict["NAME"]) in files
    # By another process: one that closes a file gives up every lock on it, those of its own SQLite connections too, and
    # the next process that opens the database would take its log for left over.
    assert_clean(subprocess.run(["cat", *files], stdout=subprocess.PIPE, check=True).stdout)


@pytest.fixture
def post(panel: Client, caplog: pytest.LogCaptureFixture) -> Callable[[], int]:
    """Post the canary; the status. The answer, the session and the log are held to have none of it."""
    caplog.set_level(logging.DEBUG)
    panel.raise_request_exception = False

    def send() -> int:
        answer = panel.post(ADD, FORM)
        assert_clean(answer.content, answer.headers, dict(panel.session.items()), panel.cookies.output())
        assert_clean(caplog.text, [record.__dict__ for record in caplog.records])
        assert_clean(panel.get(ADD).content, stored(), audit())
        assert_no_file_has_it()
        return answer.status_code

    return send


def test_the_node_is_down(post: Callable[[], int]) -> None:
    assert post() == 200
    assert stored() == {}


def test_the_vault_is_locked(post: Callable[[], int], vault_node: VaultNode) -> None:
    vault_node.tell("lock")
    assert post() == 200
    assert stored() == {}


def test_sealing_fails(post: Callable[[], int], vault_node: VaultNode) -> None:
    insert("beyond", key_version=2**32 - 1)
    assert post() == 200
    assert list(stored()) == ["beyond"]


def test_it_is_stored(post: Callable[[], int], vault_node: VaultNode) -> None:
    assert post() == 302
    assert list(stored()) == ["openai"]


@pytest.mark.parametrize("place", ["seal_content", "put_credential"])
@pytest.mark.parametrize("debug", [False, True])
def test_a_mistake_of_ours_is_reported_without_it(
    post: Callable[[], int], vault_node: VaultNode, monkeypatch: pytest.MonkeyPatch, place: str, debug: bool
) -> None:
    """Also in the report that Django makes of a failure, which shows the request and the variables of every frame."""
    reports: list[str] = []

    def fail(**_: Any) -> None:
        raise RuntimeError("a mistake")

    def report(request: HttpRequest, **_: Any) -> None:
        failure = sys.exc_info()
        reporter = ExceptionReporter(request, *failure)
        reports.extend([reporter.get_traceback_html(), reporter.get_traceback_text()])
        reports.append(technical_500_response(request, *failure).content.decode())  # type: ignore[arg-type]

    monkeypatch.setattr(services, place, fail)
    got_request_exception.connect(report)
    try:
        with override_settings(DEBUG=debug):
            assert post() == 500
    finally:
        got_request_exception.disconnect(report)
    assert len(reports) == 3
    assert all("a mistake" in text and "changeform_view" in text for text in reports)
    assert_clean(*reports)
    assert stored() == {}


@pytest.fixture
def vault_node() -> Iterator[VaultNode]:
    """One for each test: others here need that there is none."""
    node = VaultNode(settings.PATHS.control_socket)
    yield node
    node.end()
