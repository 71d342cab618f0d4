"""What `alknet doctor` says of the machine, from this one and from ones that are made up to be wrong."""

import os
import shutil
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from node.cli import machine_checks, network_checks
from node.cli.machine_checks import Speed, clock, disk, file_system, locks, nearest
from node.cli.network_checks import answers, ports, udp
from node.cli.port_holder import holder
from node.core.finding import Level
from node.settings import Settings, load_settings


def settings(data: Path, **overrides: Any) -> Settings:
    return load_settings(data=data, overrides={k.replace("__", "."): v for k, v in overrides.items()}).settings


class Usage(NamedTuple):
    free: int


def test_a_clock_that_cannot_be_right_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks.time, "time", lambda: 86_400.0)
    finding = clock(settings(tmp_path))
    assert (finding.level, "1970-01-02" in finding.text, "set it" in finding.text) == (Level.PROBLEM, True, True)


@pytest.mark.parametrize(("known", "level"), [(True, Level.FINE), (False, Level.WARNING), (None, Level.FINE)])
def test_a_clock_that_nobody_keeps_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool | None, level: Level
) -> None:
    monkeypatch.setattr(machine_checks, "_is_synchronised", lambda: known)
    assert clock(settings(tmp_path)).level is level


def test_the_kernel_is_asked_and_its_clock_is_not_changed(tmp_path: Path) -> None:
    before, began = time.time(), time.monotonic()
    clock(settings(tmp_path))
    assert abs((time.time() - before) - (time.monotonic() - began)) < 1


@pytest.mark.parametrize(("free", "speed", "level", "words"), [
    (10**12, Speed(1e9, 0.001), Level.FINE, "1.0 ms for a commit"),
    (10**6, Speed(1e9, 0.001), Level.PROBLEM, "make room"),
    (500 * 1024**2, Speed(1e9, 0.001), Level.WARNING, "make room soon"),
    (10**12, Speed(1e9, 0.5), Level.WARNING, "a faster disk"),
    (10**12, Speed(1e5, 0.001), Level.WARNING, "a faster disk"),
])  # fmt: skip
def test_room_and_speed_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, speed: Speed, level: Level, words: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    monkeypatch.setattr(machine_checks, "_speed", lambda _: speed)
    finding = disk(settings(tmp_path))
    assert (finding.level, words in finding.text) == (level, True)


def test_a_real_disk_is_measured_and_nothing_is_left_there(tmp_path: Path) -> None:
    assert "ms for a commit" in disk(settings(tmp_path)).text
    assert locks(settings(tmp_path)).level is Level.FINE
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> Speed:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(machine_checks, "_speed", refuse)
    finding = disk(settings(tmp_path))
    assert (finding.level, "Read-only file system" in finding.text) == (Level.PROBLEM, True)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(machine_checks, "file_system", lambda _: kind)
    finding = locks(settings(tmp_path))
    assert (finding.level, kind in finding.text, "a disk of this machine" in finding.text) == (
        Level.PROBLEM,
        True,
        True,
    )


def test_locks_that_hold_nobody_back_are_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "_TRY_LOCK", "")
    finding = locks(settings(tmp_path))
    assert (finding.level, "commits would be lost" in finding.text) == (Level.PROBLEM, True)


def test_the_file_system_is_that_of_the_deepest_mount() -> None:
    assert file_system(Path("/proc/self")) == "proc"
    assert file_system(Path("/")) != "unknown"


def test_a_directory_that_is_not_there_is_judged_by_where_it_would_be(tmp_path: Path) -> None:
    assert nearest(tmp_path / "a" / "b") == tmp_path
    assert disk(settings(tmp_path / "a" / "b")).level is not Level.PROBLEM


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_datagrams_come_through_to_a_free_port(tmp_path: Path) -> None:
    finding = udp(settings(tmp_path, node__listen=f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"))
    assert (finding.level, "arrives" in finding.text) == (Level.FINE, True)
    assert udp(settings(tmp_path, node__listen="127.0.0.1:0")).level is Level.FINE


def test_a_packet_filter_is_suspected_where_none_comes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_checks, "_comes_back", lambda *_: False)
    port = free_port(socket.SOCK_DGRAM)
    finding = udp(settings(tmp_path, node__listen=f"127.0.0.1:{port}"))
    assert (finding.level, f"let UDP port {port} in" in finding.text) == (Level.PROBLEM, True)


def test_who_holds_the_port_and_is_no_node_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_checks, "TRY_SECONDS", 0.02)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert not answers(("127.0.0.1", port))
        finding = udp(settings(tmp_path, node__listen=f"127.0.0.1:{port}"))
        found = holder("udp", port)
    assert found is not None
    assert found.pid == os.getpid()
    assert (finding.level, f"process {os.getpid()}" in finding.text) == (Level.PROBLEM, True)


def test_an_address_of_another_machine_is_a_problem(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    finding = udp(settings(tmp_path, node__listen=f"192.0.2.1:{port}"))
    assert (finding.level, "cannot be had" in finding.text) == (Level.PROBLEM, True)


def test_the_tcp_ports_are_told_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_port(socket.SOCK_STREAM)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = settings(tmp_path, panel__listen=f"127.0.0.1:{free}", metrics__node_listen=f"127.0.0.1:{port}")
        monkeypatch.setattr(network_checks, "holder", lambda *_: network_checks.Holder(7, "nginx"))
        finding = ports(given)
    assert finding.level is Level.PROBLEM
    assert f"panel.listen: 127.0.0.1:{free} is free" in finding.text
    assert f"metrics.node_listen: 127.0.0.1:{port} is held by process 7 (nginx)" in finding.text
