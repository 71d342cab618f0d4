"""The private pages of a real web process, and the ids of its requests."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.migrated import migrated
from tests.support.waiting import until
from tests.support.web import Web


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    started = Web(migrated(tmp_path_factory.mktemp("web") / "data"), ALKNET_METRICS__WEB_LISTEN="127.0.0.1:0")
    yield started
    started.end()


def logged(web: Web, message: str) -> dict[str, str]:
    for _ in range(500):
        for line in web.log().splitlines():
            if message in line:
                found: dict[str, str] = json.loads(line)
                return found
        time.sleep(0.02)
    raise AssertionError(web.log())


def private(web: Web, path: str) -> tuple[int, str]:
    url = f"http://{logged(web, 'metrics are shown')['address']}{path}"
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def numbers(web: Web) -> dict[tuple[str, ...], float]:
    status, text = private(web, "/metrics")
    assert status == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_its_numbers_are_shown(web: Web) -> None:
    assert web.get("/readyz")[0] == 503
    # A request is counted when it is over, which is a moment after its client has the answer.
    found = numbers(web)
    for _ in range(500):
        if found["alknet_web_requests_total", "5xx"]:
            break
        time.sleep(0.02)
        found = numbers(web)
    assert found["alknet_web_requests_total", "5xx"] == 1
    assert found["alknet_web_check", "database"] == 1
    assert found["alknet_web_check", "node"] == found["alknet_web_node_answers",] == 0
    assert found["process_resident_memory_bytes",] > 10_000_000


def test_a_private_port_tells_the_details(web: Web) -> None:
    status, text = private(web, "/readyz")
    told = json.loads(text)
    assert (status, told["failing"]) == (503, ["node"])
    assert {check["name"] for check in told["checks"]} == {"database", "migrations", "triggers", "node"}
    assert "alknet up" in text
    assert "alknet up" not in web.get("/readyz")[2]
    assert web.get("/readyz/panel")[0] == 200


@pytest.mark.parametrize("path", ["/login/", "/static/panel/panel.css", "/nowhere.txt", "/readyz"])
def test_every_answer_tells_its_id(web: Web, path: str) -> None:
    first, second = (web.get(path, **{"X-Request-ID": "forged"})[1]["x-request-id"] for _ in range(2))
    assert len({first, second, "forged"}) == 3


def test_a_log_line_about_a_request_has_its_id(web: Web) -> None:
    headers = web.get("/login/", Host="evil.example")[1]
    assert logged(web, "evil.example")["request_id"] == headers["x-request-id"]


def test_a_database_that_is_gone_is_told_and_not_made_anew_by_looking(web: Web) -> None:
    """The last test here: what goes is this process's."""
    for file in web.data.glob("alknet.db*"):
        file.unlink()
    database = web.data / "alknet.db"
    told = json.loads(until(lambda: text if "is gone" in (text := private(web, "/readyz")[1]) else "", "the check"))
    assert told["failing"] == ["database", "node"]
    assert web.get("/readyz/panel")[0] == 503
    assert web.get("/healthz")[0] == 200
    assert not database.exists()
    with closing(sqlite3.connect(database)) as empty:
        empty.execute("CREATE TABLE other (id)")
    until(lambda: "is empty" in private(web, "/readyz")[1], "the check")
