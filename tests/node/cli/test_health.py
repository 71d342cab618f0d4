"""`alknet health`: what a container's health check hears of each process."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from node.cli import health
from node.cli.appliance_checks import serving
from node.core.finding import Finding, Level
from node.settings import load_settings
from tests.support.control import control_thread

GOOD = {"name": "journal", "ok": True, "text": "it is written", "mend": ""}
LOCKED = {"name": "vault", "ok": False, "text": "locked", "mend": "alknet vault unlock"}
LATE = {"name": "loop", "ok": False, "text": "late by 3 s", "mend": "more processor"}


class Panel(HTTPServer):
    failing: Any = ()
    asked = ""


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Panel)
        self.server.asked = f"{self.path} {self.headers['Host']}"
        body = json.dumps({"failing": self.server.failing}).encode()
        self.send_response(503 if self.server.failing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return None


@pytest.fixture
def panel() -> Iterator[Panel]:
    with Panel(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(data: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    done = CliRunner().invoke(health.app, [*arguments, "--data", str(data)], env=settings)
    return done.exit_code, done.output


def test_a_node_is_well_though_it_waits_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with control_thread(tmp_path / "run" / "node.sock") as told:
        told.facts = {"health": [GOOD]}
        assert run(tmp_path, "node") == (0, "")
        told.facts = {"health": [GOOD, LOCKED]}
        assert run(tmp_path, "node") == (0, "vault: locked; alknet vault unlock\n")
        assert run(tmp_path, "node", "--ready")[0] == 1
        told.facts = {"health": [LATE]}
        assert run(tmp_path, "node") == (1, "loop: late by 3 s; more processor\n")
        told.facts = {"health": 7}
        assert run(tmp_path, "node")[0] == 1


def test_a_node_that_is_not_there_is_not_well(tmp_path: Path) -> None:
    status, text = run(tmp_path, "node")
    assert (status, "does not run" in text) == (1, True)


def test_the_panel_is_asked_on_its_own_address(tmp_path: Path, panel: Panel) -> None:
    listen = f"0.0.0.0:{panel.server_address[1]}"
    assert run(tmp_path, "web", ALKNET_PANEL__LISTEN=listen) == (0, "")
    assert panel.asked == "/readyz/panel localhost"
    panel.failing = ["migrations"]
    status, text = run(tmp_path, "web", ALKNET_PANEL__LISTEN=listen)
    assert (status, text.startswith("migrations: fails")) == (1, True)
    panel.failing = None
    assert run(tmp_path, "web", ALKNET_PANEL__LISTEN=listen)[0] == 1


def test_the_panel_is_asked_where_an_option_of_up_has_it_listen(tmp_path: Path, panel: Panel) -> None:
    ready = tmp_path / "run" / "ready.json"
    ready.parent.mkdir()
    facts = {"panel_url": "https://panel.example", "panel_address": f"127.0.0.1:{panel.server_port}"}
    ready.write_text(json.dumps(facts | {"web_pid": os.getpid()}))
    assert run(tmp_path, "web", ALKNET_PANEL__LISTEN="127.0.0.1:1") == (0, "")
    for left_behind in (json.dumps(facts | {"web_pid": 0}), json.dumps({"web_pid": os.getpid()}), "[", "7"):
        ready.write_text(left_behind)
        status, text = run(tmp_path, "web", ALKNET_PANEL__LISTEN="127.0.0.1:1")
        assert (status, "at 127.0.0.1:1 does not answer" in text) == (1, True)


def test_a_word_that_is_none_is_refused_with_those_that_are(tmp_path: Path) -> None:
    status, text = run(tmp_path, "panel", COLUMNS="200")
    assert (status, "“panel” is none of node, web, both" in text, "alue error" in text) == (2, True, False)


def test_both_are_asked_where_none_is_named(tmp_path: Path, panel: Panel) -> None:
    status, text = run(tmp_path, ALKNET_PANEL__LISTEN=f"127.0.0.1:{panel.server_address[1]}")
    assert (status, text.startswith("node: ")) == (1, True)


def test_a_panel_that_is_not_there_is_not_well(tmp_path: Path, panel: Panel) -> None:
    listen = f"127.0.0.1:{panel.server_address[1]}"
    panel.shutdown()
    panel.server_close()
    status, text = run(tmp_path, "web", ALKNET_PANEL__LISTEN=listen)
    assert (status, f"the panel at {listen} does not answer" in text) == (1, True)


def test_the_doctor_asks_those_that_were_started_each_by_itself(tmp_path: Path, panel: Panel) -> None:
    """As by systemd: nobody has written down that they serve."""
    listen = f"127.0.0.1:{panel.server_port}"
    settings = load_settings(data=tmp_path, overrides={"panel.listen": listen}).settings
    (tmp_path / "run").mkdir()
    with control_thread(tmp_path / "run" / "node.sock") as told:
        told.facts = {"health": [GOOD, LOCKED]}
        assert serving(settings) == Finding("serving", Level.FINE, "panel and node answer, each started by itself")
    absent = serving(settings)
    assert (absent.level, "the panel" in absent.text, "node" in absent.text) == (Level.WARNING, False, True)
