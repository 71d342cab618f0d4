"""Programs that use SSH, unchanged, with equal results through `alknet nc` and by the node's TCP port."""

import asyncio
import contextlib
import os
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.appliance import environment
from tests.support.ssh_programs import Machine, machine, path_of

pytestmark = [pytest.mark.interop, pytest.mark.parametrize("way", ["nc", "tcp"])]
GIT = ("ssh:exec:git-upload-pack", "ssh:exec:git-receive-pack")
PACKS = tuple(f"/usr/bin/{name}" for name in ("git-upload-pack", "git-receive-pack"))


def make_tree(tree: Path) -> dict[str, bytes]:
    """Files of all sorts of lengths, some in a directory; what each has, by its path."""
    content = {"empty": b"", "one": b"1", "sub/some": os.urandom(300_000), "sub/deep/much": os.urandom(1_500_000)}
    for name, data in content.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    return content


def tree_of(root: Path) -> dict[str, bytes]:
    return {str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*") if one.is_file()}


async def test_git_clones_and_pushes(program: Any, tmp_path: Path, way: str) -> None:
    """Version 2 of its protocol, for which a variable of the client's environment comes through."""
    git = program("git")
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a"}
    async with machine(tmp_path, way, *GIT, programs=PACKS, directory=str(tmp_path)) as here:
        who |= {"GIT_SSH_COMMAND": " ".join(here.ssh), "GIT_TRACE_PACKET": "1"}

        async def run(*words: str) -> str:
            status, out = await here.run(git, *words, **who)
            assert status == 0, out
            return out

        await run("init", "-q", "--bare", "-b", "main", "repo.git")
        await run("clone", "-q", "box:repo.git", "first")
        (tmp_path / "first" / "file").write_bytes(content := os.urandom(2_000_000))
        await run("-C", "first", "add", "file")
        await run("-C", "first", "commit", "-q", "-m", "one")
        await run("-C", "first", "push", "-q", "origin", "HEAD:main")
        said = await run("clone", "-q", "box:repo.git", "second")
        assert "version 2" in said
        assert (tmp_path / "second" / "file").read_bytes() == content
        await here.node.know(GIT[0])
        (tmp_path / "first" / "file").write_bytes(b"")
        await run("-C", "first", "commit", "-q", "-a", "-m", "two")
        status, out = await here.run(git, "-C", "first", "push", "-q", "origin", "HEAD:main", **who)
        assert (status, "not allowed" in out) == (128, True)


async def test_scp_by_both_of_its_protocols(program: Any, tmp_path: Path, way: str) -> None:
    scopes = ("ssh:sftp", "ssh:exec:scp")
    async with machine(tmp_path, way, *scopes, programs=(path_of("scp"),), directory=str(tmp_path)) as here:
        content = make_tree(tmp_path / "tree")
        scp = [program("scp"), "-q", "-r", "-F", str(here.config)]
        for number, (protocol, there) in enumerate((("-s", "/files"), ("-O", str(tmp_path / "files")))):
            assert await here.run(*scp, protocol, "tree", f"box:{there}/{number}") == (0, "")
            assert tree_of(here.files / str(number)) == content
            assert await here.run(*scp, protocol, f"box:{there}/{number}", f"back{number}") == (0, "")
            assert tree_of(tmp_path / f"back{number}") == content
            assert (await here.run(*scp, protocol, f"box:{there}/none", "none"))[0] == 1


async def test_lftp_mirrors_both_ways(program: Any, tmp_path: Path, way: str) -> None:
    async with machine(tmp_path, way, "ssh:sftp") as here:
        content = make_tree(tmp_path / "tree")
        script = (
            f'set sftp:connect-program "{" ".join([*here.ssh, "-a", "-x"])}"; set net:max-retries 1; '
            "set cmd:fail-exit yes; open sftp://any:none@box; mirror -R tree /files/tree; "
            "mv /files/tree/one /files/tree/two; mirror /files/tree back; rm /files/tree/two; bye"
        )
        status, out = await here.run(program("lftp"), "--norc", "-c", script)
        assert status == 0, out
        assert tree_of(tmp_path / "back") == {("two" if name == "one" else name): it for name, it in content.items()}
        assert tree_of(here.files / "tree") == {name: it for name, it in content.items() if name != "one"}


async def test_rclone_copies_and_checks(program: Any, tmp_path: Path, way: str) -> None:
    """It has an SSH of its own, which knows no commands to go through: socat listens for it."""
    async with machine(tmp_path, way, "ssh:sftp") as here, _port(here, way, program("socat")) as port:
        content = make_tree(tmp_path / "tree")
        here.known.write_text(here.known.read_text().replace(f":{here.port}", f":{port}"))
        to = ["--sftp-host=127.0.0.1", f"--sftp-port={port}", "--sftp-user=any", f"--sftp-key-file={here.key}"]
        to += [f"--sftp-known-hosts-file={here.known}", "--sftp-disable-hashcheck", "--config="]
        to += ["--retries=1", "--low-level-retries=1", "--transfers=2", "--checkers=1"]
        for words in (("copy", "tree", ":sftp:/files/tree"), ("check", "--download", "tree", ":sftp:/files/tree")):
            status, out = await here.run(program("rclone"), *to, *words)
            assert status == 0, out
        assert tree_of(here.files / "tree") == content
        assert (await here.run(program("rclone"), *to, "copy", "tree", ":sftp:/elsewhere"))[0] != 0


@contextlib.asynccontextmanager
async def _port(here: Machine, way: str, socat: str) -> AsyncIterator[int]:
    if way == "tcp":
        yield here.port
        return
    (script := here.directory / "nc").write_text(f"#!/bin/sh\nexec {shlex.join(here.nc)}\n")
    script.chmod(0o700)
    listen = ("-d", "-d", "-t30", "TCP-LISTEN:0,bind=127.0.0.1,fork", f"EXEC:{script}")
    process = await asyncio.create_subprocess_exec(socat, *listen, stderr=asyncio.subprocess.PIPE, env=environment())
    assert process.stderr is not None
    while b"listening on" not in (line := await process.stderr.readline()):
        assert line, "socat does not listen"
    try:
        yield int(line.rsplit(b":", 1)[1])
    finally:
        process.terminate()
        await process.communicate()


async def test_a_shell_in_a_real_terminal_follows_its_window(program: Any, tmp_path: Path, way: str) -> None:
    async with machine(tmp_path, way, "ssh:shell", shell="/bin/sh") as here:
        tmux = [program("tmux"), "-L", tmp_path.name, "-f", "/dev/null"]
        command = " ".join([*here.ssh, "box"])
        status, out = await here.run(
            *tmux, "new-session", "-d", "-x", "91", "-y", "33", "-s", "it", f"{command}; sleep 60"
        )
        assert status == 0, out
        try:
            await _typed(here, tmux, "stty size", "33 91")
            await here.run(*tmux, "resize-window", "-x", "70", "-y", "20")
            await _typed(here, tmux, "stty size", "20 70")
            await _typed(here, tmux, "trap 'echo caught' INT; sleep 60", "sleep 60")
            await here.run(*tmux, "send-keys", "C-c")
            await _shown(here, tmux, "^Ccaught")
        finally:
            await here.run(*tmux, "kill-server")


async def _typed(here: Machine, tmux: list[str], line: str, answer: str) -> None:
    """Type a line until it is answered: what runs there may not be a shell yet."""
    await here.run(*tmux, "send-keys", line, "Enter")
    await _shown(here, tmux, answer)


async def _shown(here: Machine, tmux: list[str], text: str) -> None:
    async with asyncio.timeout(60):
        while text not in (await here.run(*tmux, "capture-pane", "-p"))[1]:
            await asyncio.sleep(0.1)
