"""Unix sockets of one user: who may have the name, and who may come."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node import local_socket
from node.local_socket import LocalSocket, SocketTaken, connect, is_trusted, peer_uid

LISTEN = "import sys; from pathlib import Path; from node.local_socket import LocalSocket\n"
LISTEN += "held = LocalSocket.listen(Path(sys.argv[1])); print('listens', flush=True); sys.stdin.read()"
RACE = "import sys; from pathlib import Path; from node.local_socket import LocalSocket, SocketTaken\n"
RACE += "sys.stdin.readline()\ntry:\n    held = LocalSocket.listen(Path(sys.argv[1]))\nexcept SocketTaken:\n"
RACE += "    print('taken', flush=True)\nelse:\n    print('listens', flush=True)\nsys.stdin.read()"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "node.sock"


def child(code: str, path: Path) -> "subprocess.Popen[str]":
    command = (sys.executable, "-c", code, str(path))
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def works(path: Path) -> bool:
    with connect(path, 5):
        return True


class Spy(socket.socket):
    """Looks at the file as soon as the kernel has made it."""

    modes: list[int]

    def bind(self, name: object) -> None:
        super().bind(name)  # type: ignore[arg-type]
        self.modes.append(stat.S_IMODE(Path(str(name)).stat().st_mode))


def test_it_is_private_from_its_first_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Spy.modes = []
    monkeypatch.setattr(socket, "socket", Spy)
    before = os.umask(0)
    try:
        listening = LocalSocket.listen(path)
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert Spy.modes == [0o600]
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    listening.close()
    assert not path.exists()
    listening.close()


def test_what_a_dead_process_left_is_replaced_and_a_living_one_is_not(path: Path) -> None:
    with child(LISTEN, path) as owner:
        assert line(owner) == "listens"
        with pytest.raises(SocketTaken, match="a running process listens there already"):
            LocalSocket.listen(path)
        assert works(path)
        owner.kill()
        owner.wait()
        assert path.is_socket()
        listening = LocalSocket.listen(path)
        assert works(path)
        listening.close()


def test_a_process_whose_queue_is_full_lives_too(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen(0)
        waiting = []
        try:
            while True:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(str(path))
        except BlockingIOError:
            pass
        with pytest.raises(SocketTaken):
            LocalSocket.listen(path)
        for one in waiting:
            one.close()


def test_of_many_that_start_at_once_one_has_the_name(path: Path) -> None:
    with child(LISTEN, path) as dead:
        assert line(dead) == "listens"
        dead.kill()
    starting = [child(RACE, path) for _ in range(4)]
    for process in starting:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    try:
        assert sorted(line(process) for process in starting) == ["listens", "taken", "taken", "taken"]
        assert works(path)
    finally:
        for process in starting:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_socket_stays(path: Path, make: object) -> None:
    path.parent.mkdir()
    make(path)  # type: ignore[operator]
    before = path.lstat()
    with pytest.raises(OSError, match="Address already in use") as refused:
        LocalSocket.listen(path)
    assert str(path) in str(refused.value)
    assert path.lstat() == before


def test_a_name_that_somebody_else_has_since_is_left_alone(path: Path) -> None:
    listening = LocalSocket.listen(path)
    path.unlink()
    path.touch()
    listening.close()
    assert path.exists()


def test_a_long_path_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["a directory with quite a long name"] * 6) / "node.sock"
    assert len(str(path)) > 200
    listening = LocalSocket.listen(path)
    assert works(path)
    with pytest.raises(SocketTaken):
        LocalSocket.listen(path)
    listening.close()
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        connect(path, 5)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_the_kernel_names_the_other_side(pair: tuple[socket.socket, socket.socket]) -> None:
    assert peer_uid(pair[0]) == os.getuid()


def test_only_this_user_and_root_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_socket.os, "geteuid", lambda: 1000)
    assert [is_trusted(uid) for uid in (1000, 0, 1001, 65534, -1)] == [True, True, False, False, False]
