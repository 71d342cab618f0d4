"""Documents that could go stale: the settings' table, the pins, links, the tests that are named, the walks."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from node.cli.commands import COMMANDS
from node.core.attempts import TokenGuards
from node.quic.metrics import QuicMetrics
from node.settings import Settings, known_keys, load_settings
from node.store.memory import MemoryIdentityStore
from node.store.policy import parse_policy
from tests.support import warm
from tests.support.appliance import environment, running_appliance

ROOT = Path(__file__).parents[2]
PINS = dict(re.findall(r"(?m)^([A-Za-z0-9_.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text()))


def test_the_settings_document_is_what_the_model_says() -> None:
    command = (sys.executable, str(ROOT / "scripts" / "settings_doc.py"))
    made = subprocess.run(command, env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True, check=True)
    assert made.stdout == (ROOT / "docs" / "settings.md").read_text()


def test_every_setting_says_what_it_means() -> None:
    spec = importlib.util.spec_from_file_location("settings_doc", ROOT / "scripts" / "settings_doc.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    sections = {name: field.annotation for name, field in Settings.model_fields.items() if name != "data"}
    rows = [row for name, model in sections.items() for row in script._rows(name, model)]
    assert len(rows) == len(list(known_keys(Settings))) - 1
    assert [key for key, _, text in rows if not text.endswith(".")] == []


def test_every_dependency_is_pinned_within_its_range_and_documented() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    documented = (ROOT / "docs" / "dependencies.md").read_text().lower()
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    for text in project["dependencies"] + project["optional-dependencies"]["dev"]:
        requirement = Requirement(text)
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier
        assert requirement.name in documented


def test_what_is_installed_has_the_pinned_version() -> None:
    installed = {canonicalize_name(found.name): found.version.partition("+")[0] for found in metadata.distributions()}
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    assert {"django", "aioquic", "honker"} <= installed.keys()
    assert {name: version for name, version in installed.items() if name in pins and pins[name] != version} == {}


def test_pins_and_scripts_name_no_address() -> None:
    for path in (
        "constraints.txt",
        "scripts/lib.sh",
        "scripts/up",
        "scripts/test",
        "Dockerfile",
        "compose.yaml",
        ".ci/run",
    ):
        text = (ROOT / path).read_text().replace("http://127.0.0.1", "")
        assert "://" not in text, path
        assert "index-url" not in text, path


def test_every_decision_has_its_four_parts_and_is_listed() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    pages = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert pages
    for page in pages:
        headings = re.findall(r"(?m)^## (.+)$", page.read_text())
        assert headings == ["Context", "Decision", "Consequences", "What would reverse it"], page.name
        assert f"]({page.name})" in index


def test_every_count_of_who_was_turned_away_is_explained() -> None:
    rows = re.findall(
        r"(?m)^\| `((?:quic|tokens)\.\w+)` \|.*\| (?:`(\S+)` )?\|$", (ROOT / "docs" / "hardening.md").read_text()
    )
    tokens = TokenGuards(MemoryIdentityStore()).snapshot()
    counts = [*(f"quic.{name}" for name in QuicMetrics().troubles()), *(f"tokens.{name}" for name in tokens)]
    assert sorted(count for count, _ in rows) == sorted(counts)
    assert {setting for _, setting in rows if setting} <= {".".join(key) for key in known_keys(Settings)}


def test_links_of_the_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    assert {name for name in COMMANDS if f"`alknet {name}" not in text} == set()


def test_the_tests_that_the_threat_model_names_are_there() -> None:
    named = re.findall(r"`(tests/[\w/]+(?:\.py)?)/?(?:::(\w+))?`", (ROOT / "docs" / "threat-model.md").read_text())
    assert len(named) > 30
    for path, test in named:
        assert (ROOT / path).exists(), path
        assert not test or re.search(rf"def {test}\b", (ROOT / path).read_text()), f"{path}::{test}"


def test_the_examples_of_settings_and_of_peers_are_accepted(tmp_path: Path) -> None:
    [settings] = _examples(ROOT / "README.md")
    (tmp_path / "alknet.toml").write_text(settings)
    loaded = load_settings(data=tmp_path)
    assert {key for key, place in loaded.origins.items() if "alknet.toml" in place} == set(loaded.written)
    peers, bucket, given, nodes = _examples(ROOT / "docs" / "settings.md")
    for text in (bucket, *_examples(ROOT / "docs" / "sftp.md")):
        (tmp_path / "alknet.toml").write_text(text)
        assert load_settings(data=tmp_path).settings.sftp.buckets["photos"].umask == 0o027
    (tmp_path / "alknet.toml").write_text(given)
    assert load_settings(data=tmp_path).settings.capabilities == {"alknet/call": ("openai", "github")}
    (tmp_path / "alknet.toml").write_text(nodes)
    assert list(load_settings(data=tmp_path).settings.nodes) == ["worker-a"]
    policy = parse_policy(tomllib.loads(peers))
    assert (len(policy.peers), len(policy.api_keys)) == (1, 1)


def _examples(page: Path) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)


def _walk(page: Path) -> str:
    found = re.search(r"<!-- walk-through -->\n```sh\n(.*?)```", page.read_text(), re.DOTALL)
    assert found, page
    return found[1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the walk over REST is made with curl")
def test_the_walks_of_the_documents_work(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").write_text("")
    (tmp_path / "alknet").write_text(f'#!/bin/sh\nexec "{warm.python()}" -P -m node.cli.main "$@"\n')
    (tmp_path / "alknet").chmod(0o755)
    with running_appliance(tmp_path / "data") as running:
        script = _walk(ROOT / "README.md") + _walk(ROOT / "docs" / "first-steps.md")
        script = script.replace("127.0.0.1:4433", running.ready["node_address"])
        script = script.replace("127.0.0.1:8000", running.ready["panel_address"])
        env = environment(
            PATH=f"{tmp_path}:{os.environ['PATH']}", PYTHONPATH=str(ROOT), XDG_CONFIG_HOME=str(tmp_path / "home")
        )
        ran = subprocess.run(
            ("sh", "-euc", script), cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    answers = re.findall(r'"identity": (null|\{\s*"id": "laptop")', ran.stdout)
    assert [answer.split()[-1] for answer in answers] == ['"laptop"', "null"]
    assert '"peer_id":"ci"' in ran.stdout
    assert '"added":0,"changed":0,"unchanged":2,"removed":0' in ran.stdout
    assert "This takes the right audit:read." in ran.stdout
    assert ran.stdout.count("Revoked ") == 1
