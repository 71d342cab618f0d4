"""`alknet activity`: from a shell to the database and back, as people read it."""

import json
from pathlib import Path

import pytest

from node.cli.activity import _moment, _row
from node.cli.options import EXIT_USAGE
from tests.support.appliance import alknet, environment


def test_an_appliance_where_nothing_happened_says_so(tmp_path: Path) -> None:
    there = environment(ALKNET_DATA=str(tmp_path))
    assert alknet("activity", "--kind", "refused", "--since", "7d", env=there).stdout == (
        "Nothing of that kind has happened.\n"
    )
    assert json.loads(alknet("activity", "--json", env=there).stdout) == []
    wrong = alknet("activity", "--since", "yesterday", env=there)
    assert (wrong.returncode, wrong.stdout) == (EXIT_USAGE, "")
    assert "--since: expected a span" in wrong.stderr


def test_a_time_without_a_zone_is_in_utc() -> None:
    assert _moment("--since", "2027-01-31T12:00") == "2027-01-31T12:00:00+00:00"
    assert _moment("--since", "2027-01-31T12:00+02:00") == "2027-01-31T12:00:00+02:00"
    assert _moment("--since", None) is None
    assert str(_moment("--since", "30m")).endswith("+00:00")


@pytest.mark.parametrize("kind", ["connected", "a kind of a newer node"])
def test_a_row_is_plain_whatever_its_kind(kind: str) -> None:
    event = {"id": 7, "at": "2027-01-31T12:00:00.125Z", "kind": kind, "connection": None, "peer_id": None}
    event |= {"alpn": "h3", "address": "192.0.2.1:1", "reason": "", "told": "no handler, once"}
    row = ("7", "2027-01-31 12:00:00.125", kind, "-", "h3", "192.0.2.1:1", "-", "no handler, once")
    assert _row(event) == row
