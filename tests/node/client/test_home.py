"""Where a user's files lie."""

from pathlib import Path

import pytest

from node.client.home import default_identity, default_known_nodes


@pytest.mark.parametrize("xdg", [None, "", "relative/path"])
def test_without_a_usable_xdg_directory_they_lie_below_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, xdg: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if xdg is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", xdg)
    assert default_identity() == tmp_path / ".config" / "alknet" / "identity"


def test_the_xdg_directory_is_honoured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_known_nodes() == tmp_path / "alknet" / "known_nodes"
