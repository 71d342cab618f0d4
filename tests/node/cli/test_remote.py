"""`alknet --remote` against a real panel: the same commands, the same words."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support import warm
from tests.support.appliance import environment
from tests.support.migrated import migrated
from tests.support.panel import fingerprint, ssh_line
from tests.support.web import Web

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    web = Web(migrated(tmp_path_factory.mktemp("remote") / "data"))
    yield web
    web.end()


@pytest.fixture(scope="module")
def here(web: Web) -> Run:
    """The command on the panel's own machine."""

    def run(*arguments: str, stdin: str = "") -> CompletedProcess[str]:
        command = [warm.python(), "-m", "node.cli.main", *arguments]
        env = environment(ALKNET_DATA=str(web.data))
        return subprocess.run(command, check=False, input=stdin, capture_output=True, text=True, env=env, timeout=60)

    return run


@pytest.fixture(scope="module")
def token(web: Web, here: Run) -> Path:
    rights = ("peers:write", "locks:write", "api_keys:write", "invites:write", "access:write")
    rights += (
        "grants:write",
        "tokens:write",
        "users:write",
        "credentials:write",
        "audit:read",
        "audit:sign",
        "activity:read",
        "forwarding:write",
    )
    options = [word for right in rights for word in ("--right", right)]
    file = web.data.parent / "token"
    file.touch(0o600)
    file.write_text(here("token", "create", "tests", *options).stdout)
    return file


@pytest.fixture(scope="module")
def there(web: Web, token: Path, here: Run) -> Run:
    """The same by REST; nothing of the panel's own data is used."""

    def run(*arguments: str, stdin: str = "") -> CompletedProcess[str]:
        return here("--remote", web.url, "--token-file", str(token), *arguments, stdin=stdin)

    return run


def read(done: CompletedProcess[str]) -> object:
    """What was printed; of JSON the order of names does not count."""
    return json.loads(done.stdout) if "--json" in done.args else done.stdout


def test_both_print_the_same(here: Run, there: Run) -> None:
    made = there("peer", "add", "team/laptop", "--key", fingerprint(1), "--scope", "a", "--token", "--json")
    assert json.loads(made.stdout)["token"].startswith("alkp_")
    assert there("peer", "add", "import").returncode == 0, "a name that is a route too"
    there("peer", "disable", "import")
    there("key", "add", "--description", "backup")
    there("lock", "peer", "import", "--for", "1h")
    there("lock", "peer", "team/laptop", "--reason", "lost")
    shown = here("peer", "show", "team/laptop").stdout
    assert ("state         locked\n" in shown, "locked        until it is lifted: lost\n" in shown) == (True, True)
    assert "state         disabled\nlocked        until " in here("peer", "show", "import").stdout
    for command in (
        ("peer", "show", "team/laptop"),
        ("peer", "show", "import"),
        ("peer", "list"),
        ("peer", "list", "--json"),
        ("peer", "export", "--format", "csv"),
        ("peer", "expire", "team/laptop", "--until", "2999-01-31", "--key", fingerprint(1), "--json"),
        ("peer", "expire", "team/laptop", "--never", "--key", ssh_line(1)),
        ("peer", "expire", "team/laptop", "--for", "1h", "--key", fingerprint(2)),
        ("peer", "note", "team/laptop", "Bob has it"),
        ("peer", "invites", "--revoke", "nobody"),
        ("claim", "refuse", "abcd"),
        ("key", "list", "--json"),
        ("locks", "--json"),
        ("audit", "verify", "--json"),
        ("audit", "list", "--json"),
        ("access", "check", "team/laptop", "--scope", "b"),
        ("credential", "list"),
        ("credential", "remove", "nobody"),
        ("user", "list"),
        ("token", "revoke", "nobody"),
    ):
        one, other = here(*command), there(*command)
        assert (read(one), one.returncode, one.stderr) == (read(other), other.returncode, other.stderr), command
    wrong = "peer_id,scopes\nci,a\nci,b\n"
    one, other = (run("peer", "import", "-", "--format", "csv", stdin=wrong) for run in (here, there))
    assert one.stderr == other.stderr == "alknet: row 3: peer_id: “ci” stands in row 2 already.\n"
    assert there("peer", "remove", "import").stdout == "Removed import.\n"
    assert there("peer", "show", "import").returncode == 1


def test_more_is_done_there_as_it_is_here(here: Run, there: Run, tmp_path: Path) -> None:
    there("peer", "add", "ci", "--key", fingerprint(5), "--scope", "a")
    turned = there(
        "peer", "rotate", "ci", "--old", fingerprint(5), "--new", fingerprint(6), "--overlap", "1h", "--json"
    )
    assert (set(json.loads(turned.stdout)["key_expires_at"])) == {fingerprint(5)}
    assert json.loads(there("access", "assert", "ci", "--scope", "a", "--json").stdout)["holds"] is True
    assertion = json.loads(here("access", "assertions", "--json").stdout)[0]["id"]
    assert there("access", "unassert", assertion).stdout == "Removed.\n"
    given = there("access", "grant", "ci", "--scope", "b", "--for", "1h", "--json")
    assert here("access", "grants", "--json").stdout == there("access", "grants", "--json").stdout
    assert there("access", "revoke", json.loads(given.stdout)["id"]).stdout == "Revoked.\n"
    done = there("token", "create", "backup", "--right", "peers:read", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert made["token"].startswith("alkr_")
    names = [[one["name"] for one in json.loads(run("token", "list", "--json").stdout)] for run in (here, there)]
    assert names == [["backup", "tests"]] * 2
    assert there("token", "revoke", made["id"]).stdout == f"Revoked {made['id']} (backup).\n"
    assert "secret" not in there("credential", "set", "openai", stdin="secret").stderr, "the node is down"
    one, other = tmp_path / "one", tmp_path / "other"
    assert (here("audit", "export", str(one)).returncode, there("audit", "export", str(other)).returncode) == (0, 0)
    assert one.read_text().splitlines()[1:] == other.read_text().splitlines()[1:]
    assert "cannot be used with --remote" in there("audit", "verify", "--export", str(one)).stderr


def test_rules_of_forwarding_are_kept_there(here: Run, there: Run) -> None:
    first = json.loads(there("forwarding", "add", "allow", "*.lan:22", "--for", "team", "--json").stdout)["id"]
    assert there("forwarding", "add", "deny", "10.0.0.0/8", "--at", "1").returncode == 0
    moved = there("forwarding", "set", first[:8], "--for", "", "--note", "all", "--at", "1")
    assert moved.stdout == f"Changed: 1. allow *.lan:22 ({first[:8]})\n"
    for command in (
        ("forwarding", "list", "--json"),
        ("forwarding", "check", "team/laptop", "10.0.0.7:22", "--json"),
        ("forwarding", "move", "0000", "1"),
    ):
        one, other = here(*command), there(*command)
        assert (read(one), one.returncode, one.stderr) == (read(other), other.returncode, other.stderr), command
    assert there("forwarding", "remove", first[:8]).stdout == "Removed.\n"
    assert "*.lan" not in here("forwarding", "list").stdout


def test_refusals_are_told(there: Run, here: Run, web: Web, token: Path, tmp_path: Path) -> None:
    assert there("peer", "set", "team/laptop", "--scope", "x y").stderr.startswith("alknet: scopes: ")
    assert "does not work with --remote" in there("vault", "status").stderr
    assert "does not work with --remote" in there("backup", "x").stderr
    assert "cannot be done with --remote" in there("user", "disable", "root").stderr
    other = tmp_path / "token"
    other.touch(0o600)
    for text, told in (("alkr_x_y", "The token is not taken."), ("a secret\nb", "begins with alkr_")):
        other.write_text(text)
        refused = here("--remote", web.url, "--token-file", str(other), "peer", "list")
        assert told in refused.stderr
        assert text not in refused.stderr
    other.chmod(0o644)
    assert "may be read by others" in here("--remote", web.url, "--token-file", str(other), "peer", "list").stderr
    assert "this machine only" in here("--remote", "http://panel.example", "peer", "list").stderr
    assert "there is no terminal" in here("--remote", web.url, "peer", "list").stderr
    assert here("--token-file", str(token), "peer", "list").returncode == 2
