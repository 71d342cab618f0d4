"""The metrics of a running node and panel: what the documentation, the dashboard and the alerts say of them is so."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scripts.metrics_doc import table
from tests.support.migrated import migrated
from tests.support.node_process import NodeProcess
from tests.support.waiting import until
from tests.support.web import Web

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\b(?:alknet|process)_\w+")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What node and panel of one data directory show while somebody is connected, and once a backup was made."""
    data = migrated(tmp_path_factory.mktemp("metrics") / "data")
    web = Web(data, ALKNET_METRICS__WEB_LISTEN="127.0.0.1:0", ALKNET_BACKUP__EVERY="24")
    node = NodeProcess(data, ALKNET_METRICS__NODE_LISTEN="127.0.0.1:0")
    try:
        of_node = asyncio.run(scrape_connected(node))
        until(lambda: "alknet_web_backup_last_succeeded 1.0" in scrape(web.log()), "the scheduled backup")
        yield [of_node, scrape(web.log())]
    finally:
        node.end()
        web.end()


async def scrape_connected(node: NodeProcess) -> str:
    await node.serving()
    async with node.connect(node.data.parent / "key") as client:
        await client.call("services/list")
        return await asyncio.to_thread(scrape, node.text())


def scrape(log: str) -> str:
    [line] = [json.loads(line) for line in log.splitlines() if "metrics are shown" in line]
    with build_opener(ProxyHandler({})).open(f"http://{line['address']}/metrics", timeout=60) as answer:
        text: str = answer.read().decode()
        return text


def samples(pages: list[str]) -> set[str]:
    return {
        sample.name for page in pages for family in text_string_to_metric_families(page) for sample in family.samples
    }


def test_the_documentation_has_each_metric(pages: list[str]) -> None:
    text = (ROOT / "docs" / "health.md").read_text()
    assert table(pages) in text, f"python scripts/metrics_doc.py makes it:\n{table(pages)}"


def test_each_number_says_what_it_is(pages: list[str]) -> None:
    for page in pages:
        for family in text_string_to_metric_families(page):
            assert re.fullmatch(r"[A-Z1].*\.", family.documentation), family.name
            assert family.type != "unknown"


def test_labels_are_few_and_none_is_for_each_peer(pages: list[str]) -> None:
    labels = {
        label
        for page in pages
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        for label in sample.labels
        if family.name.startswith("alknet")
    }
    assert labels == {"alpn", "state", "reason", "le", "check", "status", "version", "python", "engine", "aioquic"}


def test_the_dashboard_asks_for_what_there_is(pages: list[str]) -> None:
    board = json.loads((ROOT / "deploy" / "grafana" / "alknet.json").read_text())
    asked = {name for panel in board["panels"] for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert len(asked) > 20
    assert asked <= samples(pages)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_the_alerts_ask_for_what_there_is_and_are_documented(pages: list[str]) -> None:
    rules = (ROOT / "deploy" / "prometheus" / "alknet.rules.yml").read_text()
    asked = {name for line in re.findall(r"expr: (.*)", rules) for name in NAME.findall(line)}
    assert asked <= samples(pages)
    names = re.findall(r"alert: (\w+)", rules)
    assert len(names) == rules.count("expr: ") == rules.count("summary: ") == rules.count("description: ")
    documented = re.findall(r"(?m)^\| `(Alknet\w+)` \|", (ROOT / "docs" / "health.md").read_text())
    assert documented == names


def test_prometheus_itself_has_nothing_against_rules_and_pages(pages: list[str]) -> None:
    """Where it is installed: it has a hundred megabytes, and is not fetched for this."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    config = ROOT / "deploy" / "prometheus" / "prometheus.yml"  # which names the rules
    for arguments, given in ((["config", str(config)], ""), (["metrics"], pages[0]), (["metrics"], pages[1])):
        done = subprocess.run([promtool, "check", *arguments], input=given, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def test_every_check_is_documented(pages: list[str]) -> None:
    checks = {
        sample.labels["check"]
        for family in text_string_to_metric_families(pages[1])
        for sample in family.samples
        if family.name == "alknet_web_check"
    }
    text = (ROOT / "docs" / "health.md").read_text().partition("## The checks")[2].partition("\n## ")[0]
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", text)) == checks
