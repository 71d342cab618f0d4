"""`--proxy` and the file with its login."""

from pathlib import Path

import pytest
import typer

from node.cli.proxy import proxy_from
from node.cli.socks_login import login_from
from node.client.socks5.associate import Proxy
from node.core.socks5.wire import Login


def file(path: Path, text: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text)
    path.chmod(mode)
    return path


def test_a_proxy_is_a_url_and_its_login_a_file(tmp_path: Path) -> None:
    login = file(tmp_path / "login", b"ann:se:cret\r\n")
    assert proxy_from(None, None) is None
    assert proxy_from("socks5://box.example", None) == Proxy(("box.example", 1080))
    assert proxy_from("socks5h://[::1]:9050/", login) == Proxy(("::1", 9050), Login(b"ann", b"se:cret"))


@pytest.mark.parametrize(
    ("url", "told"),
    [("http://box:1", "expected socks5://"), ("box:1", "expected socks5://"), ("socks5://", "--proxy: expected HOST"),
     ("socks5://ann:secret@box:1", "--proxy-login FILE"), (None, "goes with --proxy")],
)  # fmt: skip
def test_what_is_no_proxy_is_told(url: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(typer.Exit) as ended:
        proxy_from(url, file(tmp_path / "login", b"ann:secret"))
    err = capsys.readouterr().err
    assert (ended.value.exit_code, told in err, "secret" in err) == (2, True, False)


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [(b"secret", 0o600, "1 to 255 bytes"), (b":secret", 0o600, "1 to 255 bytes"), (b"ann:secret", 0o644, "login"),
     (b"ann:" + b"secret" * 200, 0o600, "login")],
)  # fmt: skip
def test_a_login_that_cannot_be_used_is_told_and_never_quoted(
    text: bytes, mode: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(typer.Exit) as ended:
        login_from(file(tmp_path / "login", text, mode), "--proxy-login")
    err = capsys.readouterr().err
    assert (ended.value.exit_code, told in err, "secret" in err) == (2, True, False)
    with pytest.raises(typer.Exit):
        login_from(tmp_path / "none", "--proxy-login")
