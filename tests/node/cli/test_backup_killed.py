"""A backup that is killed at any step is whole or not there, and what it leaves is cleared by the next one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import data_of, marks, unpacked
from tests.support.killing import Killer, killed_at_each_step


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Killer]:
    with Killer(tmp_path, tmp_path / "home") as run:
        yield run


def test_at_each_step(run: Killer, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    file = place / "it.tar"

    def prepare(data: Path) -> None:
        data_of(data, "it")
        (data / "secrets" / "vault.json").unlink()  # which a command would read
        file.unlink(missing_ok=True)

    left = 0
    for data in killed_at_each_step(run, tmp_path, prepare, str(file), "--lines", program="backup"):
        (data / "secrets" / "vault.json").write_text("# it\n")
        assert marks(data) == {"it"}, "what is backed up is as it was"
        if file.exists():
            unpacked(file, tmp_path / f"out-{data.name}")
        left += len(list(place.glob(".*")))
    assert left, "or nothing was killed half-way"
    assert [path.name for path in place.iterdir()] == ["it.tar"]
