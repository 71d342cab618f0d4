"""`manage.py serve` as a process of its own: from an empty directory to serving, and to an orderly end."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alknet_site.body_limit import MAX_BODY
from node.log_repeats import BURST
from tests.support.appliance import environment
from tests.support.migrated import migrated
from tests.support.web import MANAGE, SECONDS, Web


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Web]]:
    """Starts the one of this test, on the same directory if again."""
    started: list[Web] = []

    def begin() -> Web:
        data = tmp_path / "data"
        started.append(Web(data if data.exists() else migrated(data)))
        return started[-1]

    yield begin
    for web in started:
        web.end()


@pytest.fixture
def from_nothing(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path / "data")
    yield web
    web.end()


def test_from_an_empty_directory_to_serving_and_back(from_nothing: Web) -> None:
    web = from_nothing
    paths = {path.relative_to(web.data).as_posix(): path for path in web.data.rglob("*") if path.is_file()}

    assert web.get("/healthz")[::2] == (200, "ok\n")
    assert web.data.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in paths.values()} == {0o600}
    assert "secrets/setup_token" in paths

    token = paths["secrets/setup_token"].read_text()
    status, headers, _ = web.get(f"/setup/{token}/")
    assert (status, headers["Location"]) == (302, "/setup/")
    assert web.get("/setup/wrong-token/")[0] == 404
    assert web.get(f"/setup/{token}/more/")[0] != 500
    assert web.get("/")[1]["Location"] == "/login/?next=/"

    web.process.send_signal(signal.SIGTERM)
    assert web.process.wait(SECONDS) == 0
    assert token not in web.log()
    assert "wrong-token" not in web.log()
    assert "Traceback" not in web.log()


def test_pages_and_static_files_carry_the_headers_that_protect(start: Callable[[], Web]) -> None:
    web = start()
    status, headers, page = web.get("/account/login/")

    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "style-src 'self';" in policy
    assert policy.count("'unsafe-inline'") == policy.count("style-src-attr 'unsafe-inline'") == 1
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "HttpOnly" in web.get(web.setup_url.removeprefix(web.url))[1]["Set-Cookie"]
    assert "server" not in {name.lower() for name in headers}
    assert not re.findall(r"<script(?![^>]*\bsrc=)", page), "no script of a page is inline"
    assert '"includeIndicatorStyles": false' in page, "nor does htmx put a style there"
    assert not re.findall(r"\son[a-z]+=", page), "nor is any event handler"
    assert "<style" not in page, "nor any style"
    assert headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"

    assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(assets) > 5
    for asset in assets:
        assert web.get(asset)[0] == 200, asset
    status, headers, _ = web.get("/static/panel/panel.css")
    assert headers["Content-Type"].startswith("text/css")
    assert web.get("/static/panel/panel.css", **{"If-Modified-Since": headers["Last-Modified"]})[0] == 304
    assert web.get("/static/../settings.py")[0] in (302, 404)
    assert web.log() == ""


def test_a_long_body_is_refused_before_anybody_signs_in(start: Callable[[], Web]) -> None:
    web = start()
    host, port = web.url.removeprefix("http://").split(":")
    head = f"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n"
    with socket.create_connection((host, int(port)), SECONDS) as client:
        client.sendall(head.encode() + b"x" * (MAX_BODY + 1))
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 413")
    assert web.get("/healthz")[0] == 200
    assert web.log() == ""


def test_a_host_that_nobody_named_is_refused(start: Callable[[], Web]) -> None:
    web = start()

    status, _, page = web.get("/account/login/", Host="evil.example")
    assert status == 400
    assert "panel.allowed_hosts" in page
    assert web.get("/account/login/", Host="localhost")[0] == 200


def test_it_ends_when_its_supervisor_does(start: Callable[[], Web]) -> None:
    web = start()
    web.lifeline.close()

    assert web.process.wait(SECONDS) == 0


def test_ctrl_c_ends_it_though_a_browser_holds_a_connection_open(start: Callable[[], Web]) -> None:
    web = start()
    host, port = web.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(100)
        web.process.send_signal(signal.SIGINT)
        assert web.process.wait(SECONDS) == 0
    assert "Traceback" not in web.log()


def test_a_second_start_keeps_the_secrets_and_the_database(start: Callable[[], Web]) -> None:
    first = start()
    kept = [first.data / "secrets" / name for name in ("setup_token", "web_secret_key")]
    first.get("/account/login/")
    before = [path.read_text() for path in kept]
    first.end()
    second = start()

    assert second.get("/account/login/")[0] == 200
    assert [path.read_text() for path in kept] == before


def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, MANAGE, "serve"],
            env=environment(ALKNET_DATA=str(tmp_path / "data"), ALKNET_PANEL__LISTEN=f"127.0.0.1:{port}"),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"CommandError: The panel cannot listen on 127.0.0.1:{port}: Address already in use.\n"


def test_a_wrong_setting_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, MANAGE, "serve"],
        env=environment(ALKNET_DATA=str(tmp_path / "data"), ALKNET_PANEL__LISTENN="x"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "panel.listen" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_clients_fault_is_one_line_of_the_appliances_own_log(start: Callable[[], Web]) -> None:
    web = start()
    assert web.get("/", Host="evil.example")[0] == 400

    (line,) = web.log().splitlines()
    fact = json.loads(line)
    assert (fact["level"], fact["logger"]) == ("warning", "django.security.DisallowedHost")
    assert "panel.allowed_hosts" in fact["message"]


def test_a_flood_of_refused_requests_does_not_fill_the_log(start: Callable[[], Web]) -> None:
    web = start()
    for _ in range(2 * BURST):
        assert web.get("/api/nothing")[0] == 404
    assert BURST <= web.log().count("Not Found") < 2 * BURST
