"""`alknet doctor`: findings for people and for programs, and the exit status that goes with them."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from node.cli import appliance_checks, doctor
from node.core.finding import Finding, Level
from node.quic import accelerated, selftest
from node.quic.accelerated import Objection
from node.quic.udp import options
from node.quic.version import WANTED
from node.settings import load_settings
from tests.support.appliance import alknet, environment
from tests.support.certificates import DAY, HOUR, certificate, put

ROOT = Path(__file__).parents[3]
KEY = ec.generate_private_key(ec.SECP256R1())


def test_on_a_sound_installation_nothing_is_a_problem(tmp_path: Path) -> None:
    free = {"ALKNET_NODE__LISTEN": "127.0.0.1:0", "ALKNET_PANEL__LISTEN": "127.0.0.1:0"}
    ran = alknet("doctor", "--json", env=environment(ALKNET_DATA=str(tmp_path), **free))
    assert ran.returncode == 0, ran.stderr
    findings = json.loads(ran.stdout)["findings"]
    assert [finding["name"] for finding in findings] == [check.__name__ for check in doctor.CHECKS]
    assert all(finding["level"] in ("fine", "warning") for finding in findings)
    assert f"aioquic {WANTED}" in findings[0]["text"]


def test_each_check_is_documented_with_whether_it_is_quick() -> None:
    text = (ROOT / "docs" / "health.md").read_text().partition("## `alknet doctor`")[2].partition("\n## ")[0]
    documented = re.findall(r"(?m)^\| `(\w+)` \| .* \| (yes|no) \|$", text)
    quick = {True: "no", False: "yes"}
    assert documented == [(check.__name__, quick[check in doctor.SLOW]) for check in doctor.CHECKS]


def test_a_quick_look_leaves_out_what_takes_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def slow(_: object) -> Finding:
        raise AssertionError

    monkeypatch.setattr(doctor, "CHECKS", [slow])
    monkeypatch.setattr(doctor, "SLOW", [slow])
    assert CliRunner().invoke(doctor.app, ["--data", str(tmp_path), "--quick"]).exit_code == 0


def test_the_setting_decides_which_engine_runs(tmp_path: Path) -> None:
    env = environment(ALKNET_DATA=str(tmp_path), ALKNET_NODE__ENGINE="stock")
    ran = alknet("doctor", "--quick", env=env)
    assert f"stock, aioquic {WANTED}: node.engine says so" in ran.stdout


@pytest.mark.parametrize(
    ("levels", "status"),
    [
        ([], 0),
        ([Level.FINE, Level.WARNING], 0),
        ([Level.FINE, Level.PROBLEM, Level.WARNING], 1),
    ],
)
def test_only_a_problem_ends_it_with_1(monkeypatch, tmp_path: Path, levels: list[Level], status: int) -> None:
    findings = [Finding("thing", level, f"it is {level}") for level in levels]
    monkeypatch.setattr(doctor, "CHECKS", [lambda _, finding=finding: finding for finding in findings])
    ran = CliRunner().invoke(doctor.app, ["--data", str(tmp_path)])
    assert ran.exit_code == status
    assert [line.split()[1] for line in ran.stdout.splitlines()[1:]] == list(levels)


def test_an_engine_of_another_version_is_a_problem(monkeypatch, tmp_path: Path) -> None:
    def refuse() -> None:
        raise selftest.EngineMismatch("1.3.0", WANTED)

    monkeypatch.setattr(selftest, "check_engine", refuse)
    finding = doctor.engine(load_settings(data=tmp_path).settings)
    assert finding.level is Level.PROBLEM
    assert "aioquic 1.3.0 is installed" in finding.text


@pytest.mark.parametrize("objection", Objection)
def test_an_accelerated_engine_that_is_not_used_is_told_with_the_way_out(
    monkeypatch, tmp_path: Path, objection: Objection
) -> None:
    monkeypatch.setattr(doctor, "load", lambda _: accelerated.Build.STOCK)
    monkeypatch.setattr(doctor, "find", lambda: accelerated.Found(tmp_path, objection))
    finding = doctor.engine(load_settings(data=tmp_path).settings)
    assert finding.level is (Level.FINE if objection is Objection.ABSENT else Level.WARNING)
    assert "scripts/accelerate" in finding.text


def test_buffers_that_the_system_caps_are_a_warning_with_a_remedy(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(options, "BUFFER", 1 << 30)
    finding = doctor.buffers(load_settings(data=tmp_path).settings)
    assert finding.level is Level.WARNING
    assert "for receiving" in finding.text
    assert "=1073741824" in finding.text
    monkeypatch.setattr(options, "BUFFER", 16 * 1024)
    assert doctor.buffers(load_settings(data=tmp_path).settings).level is Level.FINE


def test_a_machine_without_a_socket_left_is_a_problem(monkeypatch, tmp_path: Path) -> None:
    def refuse(_: int) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(options, "new_socket", refuse)
    assert doctor.buffers(load_settings(data=tmp_path).settings).level is Level.PROBLEM


def test_without_a_data_directory_the_way_to_name_it_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    finding = appliance_checks.data(load_settings().settings)
    assert (finding.level, finding.text.startswith(f"{tmp_path}/data is not there")) == (Level.WARNING, True)
    assert "--data or ALKNET_DATA" in finding.text
    named = appliance_checks.data(load_settings(data=tmp_path / "elsewhere").settings)
    assert (named.level, f"{tmp_path}/elsewhere is not there" in named.text) == (Level.WARNING, True)
    assert "--data" not in named.text


def test_what_is_in_the_data_directory_is_told(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path).settings
    assert "has no alknet.db yet" in appliance_checks.data(settings).text
    from_file = load_settings(data=tmp_path, overrides={"node.peers_file": tmp_path / "peers.toml"}).settings
    assert appliance_checks.data(from_file).level is Level.FINE
    settings.paths.database.touch()
    assert appliance_checks.data(settings) == Finding("data", Level.FINE, f"{tmp_path}, with its database")
    file = appliance_checks.data(load_settings(data=settings.paths.database).settings)
    assert (file.level, "is not a directory" in file.text) == (Level.PROBLEM, True)


def test_whether_panel_and_node_serve_is_seen_by_their_processes(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path).settings
    absent = appliance_checks.serving(settings)
    assert (absent.level, "alknet up starts them" in absent.text) == (Level.WARNING, True)
    with subprocess.Popen((sys.executable, "-c", "")) as ended:
        pass
    facts = {"panel_url": "http://p", "node_address": "n:1", "web_pid": os.getpid(), "node_pid": os.getpid()}
    settings.paths.run.mkdir()
    settings.paths.ready_file.write_text(json.dumps(facts))
    assert appliance_checks.serving(settings) == Finding("serving", Level.FINE, "panel at http://p, node at n:1 (UDP)")
    settings.paths.ready_file.write_text(json.dumps(facts | {"node_pid": ended.pid}))
    gone = appliance_checks.serving(settings)
    assert (gone.level, gone.text.startswith("the node process of")) == (Level.WARNING, True)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "[" * 10_000, '{"web_pid": "1", "node_pid": 1e99}', "\0"])
def test_a_ready_file_that_is_none_is_a_warning(tmp_path: Path, text: str) -> None:
    settings = load_settings(data=tmp_path).settings
    settings.paths.run.mkdir()
    settings.paths.ready_file.write_text(text)
    assert appliance_checks.serving(settings).level is Level.WARNING


def test_what_cannot_be_looked_at_is_a_problem_and_holds_up_no_other(monkeypatch, tmp_path: Path) -> None:
    """As by the shell of another user, whose home this one may not enter."""

    def closed(_: Any) -> Finding:
        raise PermissionError(13, "Permission denied", "/somebody/key")

    monkeypatch.setattr(doctor, "CHECKS", (closed, appliance_checks.data))
    ended = CliRunner().invoke(doctor.app, ["--data", str(tmp_path), "--json"])
    assert ended.exit_code == 1
    first, second = json.loads(ended.stdout)["findings"]
    assert first["text"] == "it cannot be looked at: /somebody/key: Permission denied"
    assert second["name"] == "data"


def test_wrong_settings_end_it_with_2_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "alknet.toml").write_text("[quicc]\n")
    ran = CliRunner().invoke(doctor.app, ["--data", str(tmp_path)])
    assert (ran.exit_code, "line 1: unknown key “quicc”" in ran.output) == (2, True)


def of_certificate(folder: Path, *parts: Any, key: Any = None) -> Finding:
    given = {"node.certificate": put(folder / "chain.pem", *parts)}
    if key is not None:
        given["node.certificate_key"] = put(folder / "key.pem", key)
    return doctor.certificate(load_settings(data=folder, overrides=given).settings)


def test_no_certificate_is_fine(tmp_path: Path) -> None:
    assert doctor.certificate(load_settings(data=tmp_path).settings).level is Level.FINE


@pytest.mark.parametrize(
    ("begin", "end", "level", "words"),
    [
        (-DAY, 90 * DAY, Level.FINE, "is valid until"),
        (-80 * DAY, 10 * DAY, Level.WARNING, "expires on"),
        (-HOUR, 6 * DAY, Level.FINE, "is valid until"),
        (-5 * DAY, DAY, Level.WARNING, "expires on"),
        (-90 * DAY, -HOUR, Level.PROBLEM, "has expired on"),
        (HOUR, 90 * DAY, Level.PROBLEM, "is not valid before"),
    ],
)
def test_how_long_a_certificate_is_good_for_yet(
    tmp_path: Path, begin: timedelta, end: timedelta, level: Level, words: str
) -> None:
    finding = of_certificate(tmp_path, certificate(KEY, begin=begin, end=end), KEY)
    assert (finding.level, words in finding.text) == (level, True)
    assert str(tmp_path / "chain.pem") in finding.text


def test_certificate_files_that_a_node_would_not_start_with_are_a_problem(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    finding = of_certificate(tmp_path, certificate(KEY), key=other)
    assert (finding.level, "does not belong" in finding.text) == (Level.PROBLEM, True)
    (tmp_path / "key.pem").unlink()
    overrides = {"node.certificate": tmp_path / "chain.pem", "node.certificate_key": tmp_path / "key.pem"}
    finding = doctor.certificate(load_settings(data=tmp_path, overrides=overrides).settings)
    assert (finding.level, "there is no such file" in finding.text) == (Level.PROBLEM, True)
