"""A rotation that is killed at any step loses nothing: all opens afterwards, and the same again ends it."""

import itertools
import json
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from node.core.credentials import EncryptedData
from node.core.paths import DataPaths
from tests.support import warm
from tests.support.appliance import environment
from tests.support.vault_node import VaultNode, opened

ROOT = Path(__file__).parents[3]
CONTENTS = {"github": "content of github", "openai": "content of openai"}


class Box:
    """A data directory with credentials, whose database can be put back to how it was."""

    def __init__(self, data: Path) -> None:
        self.paths = DataPaths(data)
        self.environment = environment(ALKNET_DATA=str(data))
        self.node = VaultNode(self.paths.control_socket)
        for provider, content in CONTENTS.items():
            self.ask("set", provider=provider, content=content)
        self._kept = data.with_name("kept.db")
        shutil.copy(self.paths.database, self._kept)

    def put_back(self) -> None:
        for left in self.paths.data.glob("alknet.db*"):
            left.unlink()
        shutil.copy(self._kept, self.paths.database)

    def ask(self, action: str, **values: Any) -> Any:
        """The result of the command, in a process of its own."""
        done = subprocess.run(
            [warm.python(), "manage.py", "credentials"],
            input=_request(action, **values),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])["result"]

    @contextmanager
    def killer(self) -> Iterator[Callable[[int], int]]:
        """Runs a rotation that is killed before a certain step, and tells how it ended."""
        pipe = subprocess.PIPE
        command = [warm.python(), "-m", "tests.support.cut_short", _request("rotate")]
        with subprocess.Popen(command, cwd=ROOT, env=self.environment, stdin=pipe, stdout=pipe, text=True) as process:
            stdin, stdout = process.stdin, process.stdout
            assert stdin is not None
            assert stdout is not None

            def run(step: int) -> int:
                stdin.write(f"{step}\n")
                stdin.flush()
                return int(stdout.readline())

            yield run

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.paths.database)) as connection:
            return connection.execute(statement).fetchall()

    def ends_what_was_begun(self, rotated: int) -> None:
        """The same again rotates the rest; where nothing was left, all go to the next version."""
        left = len(CONTENTS) - rotated
        assert self.ask("rotate")["rotated"] == (left or len(CONTENTS))
        assert self.versions() == [3 if left else 4] * len(CONTENTS)
        assert self.contents() == CONTENTS

    def versions(self) -> list[int]:
        return [version for (version,) in self.query("SELECT key_version FROM credentials ORDER BY provider")]

    def contents(self) -> dict[str, str]:
        """Every credential, opened."""
        rows = self.query("SELECT provider, key_version, salt, iv, data FROM credentials")
        return {provider: opened(EncryptedData(*blob)) for provider, *blob in rows}

    def audited(self) -> int:
        return int(self.query("SELECT count(*) FROM audit_auditentry WHERE action = 'credential.rotated'")[0][0])


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    box = Box(tmp_path_factory.mktemp("box") / "data")
    yield box
    box.node.end()


def _request(action: str, **values: Any) -> str:
    return json.dumps({"action": action, "actor": "alice", "values": values})


def test_killed_at_every_step(box: Box) -> None:
    """Until a step number that is beyond the last: there it ends in order."""
    states = set()
    with box.killer() as rotate_until:
        for step in itertools.count(1):
            box.put_back()
            if (status := rotate_until(step)) == 0:
                break
            assert status == -signal.SIGKILL
            rotated = box.versions().count(3)
            assert sorted(box.versions()) == [2] * (2 - rotated) + [3] * rotated
            assert (box.contents(), box.audited()) == (CONTENTS, rotated), f"killed before step {step}"
            if rotated not in states:
                states.add(rotated)
                box.ends_what_was_begun(rotated)
    assert states == {0, 1, 2}
    assert step > 15, "there is much to be killed at"
    assert (box.versions(), box.contents(), box.audited()) == ([3, 3], CONTENTS, 2)
