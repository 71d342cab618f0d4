"""What Django is told, for the settings that an operator may choose."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.appliance import environment
from tests.support.web import MANAGE

NAMES = ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "DEBUG")
PROGRAM = f"import json, alknet_site.settings as s; print(json.dumps({{name: getattr(s, name) for name in {NAMES}}}))"


def told(data: Path, listen: str = "127.0.0.1:0", **more: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment(ALKNET_DATA=str(data), ALKNET_PANEL__LISTEN=listen) | more,
        cwd=MANAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_by_default_only_this_machines_own_names_are_answered(tmp_path: Path) -> None:
    facts = told(tmp_path / "data")

    assert facts["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert facts["DEBUG"] is False
    assert not (tmp_path / "data").exists(), "reading settings makes nothing, no secret either"


@pytest.mark.parametrize(
    ("listen", "url", "host"),
    [
        ("0.0.0.0:8000", "https://alknet.example", "alknet.example"),
        ("[::]:8000", "https://alknet.example:8443", "alknet.example"),
        ("192.0.2.7:8000", "https://[2001:db8::7]", "[2001:db8::7]"),
    ],
)
def test_a_public_url_is_answered_trusted_and_makes_cookies_secure(
    tmp_path: Path, listen: str, url: str, host: str
) -> None:
    facts = told(tmp_path, listen, ALKNET_PANEL__PUBLIC_URL=url, ALKNET_PANEL__ALLOWED_HOSTS="more.example")

    assert host in facts["ALLOWED_HOSTS"]
    assert "more.example" in facts["ALLOWED_HOSTS"]
    assert not {"0.0.0.0", "*", "::", "[::]"} & set(facts["ALLOWED_HOSTS"])
    assert facts["CSRF_TRUSTED_ORIGINS"] == [url]
    assert facts["SESSION_COOKIE_SECURE"] is facts["CSRF_COOKIE_SECURE"] is True
