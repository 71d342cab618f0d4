"""Shells and terminals over real QUIC: for peers with the scope for them, where the settings name a shell."""

import asyncio
import shutil
from typing import Any

import asyncssh
import pytest

from node.core.journal import EventKind
from tests.node.handlers.ssh.test_rights_that_bite import gone
from tests.support.quic import settled, soon
from tests.support.ssh import ssh_node

SHELL = "/bin/sh"
BASH = shutil.which("bash") or ""


async def test_a_shell_runs_in_a_terminal_of_the_size_that_is_asked_for_and_follows_it() -> None:
    async with ssh_node(shell=SHELL, scopes=("ssh:shell",)) as node, node.client() as ann:
        shell = await soon(ann.create_process(term_type="xterm-256color", term_size=(132, 43)))
        shell.stdin.write("stty -echo; PS1=; stty size; echo $TERM $SHELL $0; tty\n")
        shown = await soon(shell.stdout.readuntil("/dev/pts/"))
        assert "43 132\r\n" in shown
        assert f"xterm-256color {SHELL} -sh\r\n" in shown
        shell.change_terminal_size(80, 25)
        shell.stdin.write("stty size; exit 5\n")
        rest = await soon(shell.stdout.read())
        assert "25 80\r\n" in rest
        assert (await soon(shell.wait())).exit_status == 5


async def test_a_shell_without_a_terminal_reads_its_commands() -> None:
    async with ssh_node(shell=SHELL, scopes=("ssh:shell",)) as node, node.client() as ann:
        done = await soon(ann.run(input="echo out; echo err >&2; tty; exit 4\n"))
        assert (done.stdout, done.stderr, done.exit_status) == ("out\nnot a tty\n", "err\n", 4)


async def test_modes_and_signals_reach_the_terminal() -> None:
    async with ssh_node(shell=SHELL, scopes=("ssh:shell", "ssh:exec:*")) as node, node.client() as ann:
        modes = {asyncssh.PTY_ECHO: 0, asyncssh.PTY_ONLCR: 0, asyncssh.PTY_VINTR: 7}
        process = await soon(ann.create_process("sh -c 'stty -a; exec cat'", term_type="x", term_modes=modes))
        process.stdin.write("cat runs\n")
        told = await soon(process.stdout.readuntil("cat runs\n"))
        process.stdin.write("\x07")
        assert "intr = ^G" in told
        assert " -echo " in told
        ended = await soon(process.wait())
        assert (ended.exit_signal or ("",))[0] == "INT"
        process = await soon(ann.create_process("cat", term_type="x"))
        process.send_signal("INT")
        assert ((await soon(process.wait())).exit_signal or ("",))[0] == "INT"


@pytest.mark.parametrize(
    ("settings", "scopes"), [({"shell": SHELL}, ("ssh:exec:*", "ssh:exec:shell")), ({}, ("ssh:shell", "ssh:exec:*"))]
)
async def test_there_is_none_without_the_setting_or_the_scope(settings: Any, scopes: tuple[str, ...]) -> None:
    async with ssh_node(scopes=scopes, **settings) as node, node.client() as ann:
        told = await soon(ann.run())
        assert (told.exit_status, told.stdout) == (126, "")
        assert told.stderr == "alknet: a shell is not allowed; name a command, as in: ssh NODE COMMAND\n"
        with pytest.raises(asyncssh.ChannelOpenError):
            await soon(ann.create_process("cat", term_type="xterm"))
        denied = [event.detail["operation"] for event in node.journal.of(EventKind.DENIED)]
        assert denied == ["ssh shell", "ssh terminal"]
        assert (await soon(ann.run("true"))).exit_status == 0


@pytest.mark.skipif(not BASH, reason="bash gives each job a process group")
@pytest.mark.parametrize("way", ["scope", "client"])
async def test_all_jobs_of_a_shell_end_with_its_right_or_its_client(way: str) -> None:
    async with ssh_node(shell=BASH, scopes=("ssh:shell",)) as node, node.client() as ann:
        shell = await soon(ann.create_process(term_type="xterm"))
        shell.stdin.write("set -m; trap '' HUP; sleep 600 & sleep 600 & echo $$ $(jobs -p) end; cat\n")
        async with asyncio.timeout(60):
            while "end\r" not in (line := await shell.stdout.readline()) or "echo" in line:
                pass
        numbers = [int(word) for word in line.split() if word.isdigit()]
        assert len(numbers) == 3
        if way == "scope":
            await node.know("ssh:exec:*")
        else:
            node.clients[-1].close()
        await settled(gone(numbers))


async def test_a_type_that_is_no_name_and_a_size_beyond_reason_do_no_harm() -> None:
    async with ssh_node(shell=SHELL, scopes=("ssh:shell", "ssh:exec:sh")) as node, node.client() as ann:
        asked = {"term_type": "../../x y", "term_size": (1 << 31, 1 << 31, 1, 1), "term_modes": {110: 1, 3: 0xFFFFFF}}
        done = await soon(ann.run("sh -c 'echo $TERM; stty size'", **asked))
        assert done.stdout == "dumb\r\n10000 10000\r\n"
