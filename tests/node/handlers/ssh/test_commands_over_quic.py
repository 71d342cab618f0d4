"""Commands over real QUIC, with asyncssh's client: what a peer may run, and what it gets of it."""

import asyncio
import hashlib

import asyncssh
import pytest

from node.handlers.ssh.subsystem import SubsystemSession
from tests.support.quic import soon
from tests.support.ssh import ssh_node


async def test_a_command_has_its_input_output_errors_and_exit_status() -> None:
    async with ssh_node() as node, node.client() as ann:
        done = await soon(ann.run("sh -c 'read line; echo out $line; echo err >&2; exit 3'", input="in\n"))
        assert (done.stdout, done.stderr, done.exit_status) == ("out in\n", "err\n", 3)
        killed = await soon(ann.run("sh -c 'kill -TERM $$'"))
        assert killed.exit_signal
        assert killed.exit_signal[0] == "TERM"


async def test_words_are_words_and_no_shell_sees_them() -> None:
    async with ssh_node(programs=("/bin/echo",)) as node, node.client() as ann:
        done = await soon(ann.run("echo 'a  b' $HOME `id` ; id | cat > /tmp/x"))
        assert done.stdout == "a  b $HOME `id` ; id | cat > /tmp/x\n"
        assert (await soon(ann.run("/bin/echo path"))).stdout == "path\n"


async def test_what_is_no_program_of_the_settings_is_not_run() -> None:
    async with ssh_node(programs=("/bin/echo",)) as node, node.client() as ann:
        for command in ("id", "/tmp/echo", "../bin/echo", "./echo", "echo:x", "'", "echo/", "/bin/../bin/echo"):
            done = await soon(ann.run(command))
            assert (done.stdout, done.exit_status) == ("", 126)


async def test_a_peer_runs_what_it_has_the_scope_for_and_is_told_nothing_of_the_rest() -> None:
    async with ssh_node(scopes=("ssh:exec:echo", "ssh:shell", "*")) as node, node.client() as ann:
        assert (await soon(ann.run("echo yes"))).stdout == "yes\n"
        without_scope, without_program = await soon(ann.run("cat /etc/passwd")), await soon(ann.run("dd if=secret"))
        assert without_scope.exit_status == without_program.exit_status == 126
        assert without_scope.stderr == without_program.stderr != ""
        denied = [event for event in node.journal.events if event.kind == "denied"]
        assert [(event.peer_id, event.detail["operation"]) for event in denied] == [
            ("ann", "ssh cat"),
            ("ann", "ssh dd"),
        ]
        await node.know("ssh:exec:dd")
        assert (await soon(ann.run("dd if=secret"))).stderr == without_scope.stderr
        assert node.journal.events[-1].detail["explanation"] == "ssh.programs does not name it"
        assert "passwd" not in str(node.journal.events)
        assert "secret" not in str(node.journal.events)


async def test_nothing_but_sessions_with_a_command_is_given() -> None:
    scopes = ("ssh:exec:*", "ssh:forward:*:*", "ssh:listen:*:*", "ssh:sftp")
    async with ssh_node(scopes=scopes) as node, node.client() as ann:
        with pytest.raises(asyncssh.ChannelOpenError):
            await soon(ann.open_connection("127.0.0.1", 22))
        with pytest.raises(asyncssh.ChannelOpenError):
            await soon(ann.open_unix_connection("/tmp/socket"))
        with pytest.raises(asyncssh.ChannelListenError):
            await soon(ann.start_server(lambda *_: None, "127.0.0.1", 0))
        assert (await soon(ann.run())).exit_status == 126
        with pytest.raises(asyncssh.ChannelOpenError):
            await soon(ann.start_sftp_client())
        assert (await soon(ann.run("true"))).exit_status == 0


async def test_the_environment_is_made_and_only_locales_and_gits_version_are_taken() -> None:
    asked = {"GIT_PROTOCOL": "version=2", "LANG": "de_DE.UTF-8", "LC_ALL": "C", "PATH": "/tmp", "LD_PRELOAD": "/x.so",
             "LC_TIME": "../../x", "HOME": "/tmp", "ALKNET_PEER": "root"}  # fmt: skip
    async with ssh_node() as node, node.client() as ann:
        done = await soon(ann.run("env", env=asked))
        found = dict(line.split("=", 1) for line in str(done.stdout).splitlines())
        assert {name: found.pop(name) for name in ("GIT_PROTOCOL", "LANG", "LC_ALL")} == {
            "GIT_PROTOCOL": "version=2", "LANG": "de_DE.UTF-8", "LC_ALL": "C"}  # fmt: skip
        assert found.pop("PATH") == "/usr/local/bin:/usr/bin:/bin"
        assert found.pop("ALKNET_PEER") == "ann"
        assert set(found) == {"HOME", "USER", "LOGNAME"}


async def test_many_bytes_go_both_ways() -> None:
    data = bytes(range(256)) * 4096 * 4
    async with ssh_node() as node, node.client() as ann:
        done = await soon(ann.run("cat", input=data, encoding=None))
        assert hashlib.sha256(bytes(done.stdout or b"")).digest() == hashlib.sha256(data).digest()


async def test_sessions_of_one_connection_run_side_by_side_up_to_their_bound() -> None:
    async with ssh_node(max_sessions=5) as node, node.client() as ann:
        running = [await soon(ann.create_process("cat")) for _ in range(5)]
        with pytest.raises(asyncssh.ChannelOpenError):
            await soon(ann.create_process("cat"))
        for number, process in enumerate(running):
            process.stdin.write(f"{number}\n")
            process.stdin.write_eof()
        ended = await soon(asyncio.gather(*(process.wait() for process in running)))
        assert [done.stdout for done in ended] == [f"{number}\n" for number in range(5)]
        assert (await soon(ann.run("true"))).exit_status == 0


async def test_a_subsystem_is_served_by_its_scope_and_ends_with_its_status() -> None:
    async def upper(session: SubsystemSession) -> int:
        while data := await session.stream.read():
            await session.stream.write(data.upper() + session.identity.id.encode())
        return 7

    async with ssh_node({"upper": upper}, scopes=("ssh:upper",)) as node, node.client() as ann:
        done = await soon(ann.run(subsystem="upper", input="x"))
        assert (done.stdout, done.exit_status) == ("Xann", 7)
        await node.know("ssh:exec:*")
        with pytest.raises(asyncssh.ChannelOpenError):
            await soon(ann.run(subsystem="upper", input="x"))
