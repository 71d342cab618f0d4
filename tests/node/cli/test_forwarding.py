"""`alknet forwarding` against the real control plane."""

import json
from pathlib import Path

from tests.support.appliance import alknet, environment


def test_rules_from_a_shell(tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        ran = alknet("forwarding", *arguments, env=environment(ALKNET_DATA=str(tmp_path / "data")))
        return ran.returncode, ran.stdout + ran.stderr

    status, told = run(
        "add", "allow", "*.lan:5432", "--for", "team:db", "--over", "quic", "--direction", "local", "--json"
    )
    rule = json.loads(told)
    assert (status, rule["sentence"]) == (0, "1. allow *.lan:5432 for team:db over quic local")
    assert run("add", "deny", "10.0.0.1/8")[0] == 1
    changed = run(
        "set", rule["id"][:8], "--target", "*.lan:22", "--for", "", "--over", "tcp", "--direction", "", "--note", "x"
    )
    assert changed == (0, f"Changed: 1. allow *.lan:22 over tcp ({rule['id'][:8]})\n")
    assert run("set", rule["id"][:8], "--over", "udp")[0] == 1
    assert run("set", rule["id"][:8])[0] == 2
    back = ("--target", "*.lan:5432", "--for", "team:db", "--over", "quic", "--direction", "local", "--note", "")
    assert json.loads(run("set", rule["id"], *back, "--json")[1])["sentence"] == rule["sentence"]
    heads, row = run("list")[1].splitlines()
    assert heads.split() == ["PLACE", "ID", "ACTION", "TARGET", "FOR", "OVER", "DIRECTION", "NOTE"]
    assert row.split() == ["1", rule["id"][:8], "allow", "*.lan:5432", *["team:db", "(nobody", "now)"], "quic", "local"]
    status, told = run("check", "nobody", "db.lan:5432")
    assert (status, told.splitlines()[0]) == (1, "Refused: there is no peer “nobody”")
