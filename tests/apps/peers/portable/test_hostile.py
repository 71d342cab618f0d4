"""Files that are not what they should be: each refused by its row, with nothing written."""

import pytest

from apps.peers.portable import csv_form, ssh_form
from apps.peers.portable.formats import Format, format_of, read
from apps.peers.portable.plan import make_plan
from apps.peers.portable.rows import MAX_FAULTS, MAX_ROWS, ImportRefused
from apps.peers.portable.text import MAX_FILE
from apps.peers.terms import PeerState
from node.core.peers import PeerEntry
from tests.support.panel import fingerprint, pem, ssh_line

CSV, TOML, SSH = Format.CSV, Format.TOML, Format.AUTHORIZED_KEYS
LAPTOP = PeerState(PeerEntry("laptop", (fingerprint(1),)))
HEADER = b"peer_id,keys,scopes\n"


def errors_of(form: Format, data: bytes) -> dict[str, list[str]]:
    with pytest.raises(ImportRefused) as refused:
        make_plan(read(form, data), [LAPTOP], replace=False)
    return refused.value.errors


def key(number: int) -> bytes:
    return fingerprint(number).encode()


REFUSED = [
    (CSV, b"", "row 1", "has to be a column peer_id"),
    (CSV, HEADER, "file", "no peer in it"),
    (CSV, b"peer_id,key\na,b\n", "row 1", "no column “key”"),
    (CSV, b"peer_id,peer_id\na,b\n", "row 1", "there twice"),
    (CSV, HEADER + b"a,,\nb,,,\n", "row 3", "4 cells, and the header 3"),
    (CSV, HEADER + b"a,,\n\n,,\nb,,\na,,\n", "row 6", "“a” stands in row 2 already"),
    (CSV, HEADER + b"a," + key(2) + b",\nb," + key(2) + b",\n", "row 3", "stands in row 2 already"),
    (CSV, HEADER + b"a," + key(1) + b",\n", "row 2", "belongs to the peer “laptop”"),
    (CSV, HEADER + b"a,nonsense,\n", "row 2", "keys: Key 1: expected"),
    (CSV, HEADER + b",,x\n", "row 2", "peer_id: A peer needs a name"),
    (CSV, HEADER + b'a,,"' + b"x" * 10_000_000 + b'"\n', "row 2", "field larger than"),
    (CSV, HEADER + b"a,,x" + b"x" * 300 + b"\n", "row 2", "scopes: A scope has at most"),
    (CSV, HEADER + b'a,,"x\nb,,y\n', "row 2", "Not CSV"),
    (CSV, HEADER + b'a,,"x"y\n', "row 2", "Not CSV"),
    (CSV, HEADER + b"a,,\nb\x00,,\n", "line 3", "NUL"),
    (CSV, HEADER + b"a,,\r\nb\xff,,\n", "line 3", "Not UTF-8"),
    (CSV, "peer_id\na\n".encode("utf-16"), "line 1", "Not UTF-8"),
    (CSV, b"peer_id,enabled\na,perhaps\n", "row 2", "true or false"),
    (CSV, b"peer_id,resources\na,repo=web\n", "row 2", "Resources are JSON"),
    (CSV, b"peer_id,resources\na," + b"[" * 100_000 + b"\n", "row 2", "Resources are JSON"),
    (CSV, b'peer_id,resources\na,"{""r"": [], ""r"": []}"\n', "row 2", "there twice"),
    (CSV, b"peer_id,expires_at\na,soon\n", "row 2", "expires_at: An end is a time such as"),
    (CSV, b"peer_id,expires_at\na,2026-02-30\n", "row 2", "expires_at: An end is a time such as"),
    (CSV, b"peer_id,expires_at\na,999999999999\n", "row 2", "expires_at: An end is in unix seconds"),
    (CSV, b"peer_id,expires_at\na,1969-12-31T00:00Z\n", "row 2", "expires_at: An end is in unix seconds"),
    (CSV, b"peer_id,expires_at\na,9999-12-31T23:59:59-01:00\n", "row 2", "expires_at: An end is"),
    (CSV, b"peer_id,key_expires_at\na,[\n", "row 2", "ends of keys are JSON"),
    (CSV, b'peer_id,key_expires_at\na,"{""x"": ""soon""}"\n', "row 2", "key_expires_at: An end is a time such as"),
    (CSV, b'peer_id,key_expires_at\na,"{""' + key(2) + b'"": 1}"\n', "row 2", "of a key that the peer has"),
    (CSV, b"peer_id,notes\na," + b"x" * 4001 + b"\n", "row 2", "notes: At most 4000 characters"),
    (CSV, b"peer_id\n" + b"a\n" * 100_000, f"row {MAX_ROWS + 2}", f"at most {MAX_ROWS} peers"),
    (TOML, b"x" * (MAX_FILE + 1), "file", f"at most {MAX_FILE} bytes"),
    (TOML, b"[[peers]\n", "file", "Not TOML"),
    (TOML, b"a = " + b"[" * 100_000, "file", "nested too deep"),
    (TOML, b"a = " + b"9" * 10_000, "file", "Not TOML"),
    (TOML, b"a." * 100_000 + b"b = 1", "line 1", "so many parts"),
    (TOML, b'x = 1\n"a"."b' + b'"."a' * 100_000 + b'" = 1', "line 2", "so many parts"),
    (TOML, b'x = "' + b'\\"' * 200_000, "file", "Not TOML"),
    (TOML, b"peers = 1", "file", "tables [[peers]]"),
    (TOML, b"peers = [1]", "peer 1", "A peer is a table"),
    (TOML, b"[[peer]]\npeer_id = 'a'", "file", "no “peer”"),
    (TOML, b"[[peers]]\npeer_id = 'a'\n[[peers]]\npeer_id = 'b'\nkey = 1", "peer 2", "key: There is no such field"),
    (TOML, b"[[peers]]\npeer_id = 1", "peer 1", "peer_id: A peer needs a name"),
    (TOML, b"[[peers]]\npeer_id = 'a'\nkeys = 2026-01-01", "peer 1", "keys: The keys are a list"),
    (TOML, b"[[peers]]\npeer_id = 'a'\nexpires_at = 12:00:00", "peer 1", "expires_at: An end is in unix seconds"),
    (TOML, b"[[peers]]\npeer_id = 'a'\nexpires_at = 0001-01-01T00:00:00+01:00", "peer 1", "expires_at: An end is"),
    (TOML, b"[[peers]]\npeer_id = 'a'\nkey_expires_at = 1", "peer 1", "The ends of keys are a map"),
    (TOML, b"[[peers]]\npeer_id = 'a'\nauth_token_hash = 'x'", "peer 1", "no such field"),
    (SSH, b"# nothing\n", "file", "no peer in it"),
    (SSH, b"\nssh-ed25519\n", "line 2", "cut off or damaged"),
    (SSH, ssh_line(2).encode(), "line 1", "the name of its peer"),
    (SSH, b"ssh-rsa AAAA alice\n", "line 1", "Only ssh-ed25519"),
    (SSH, b'restrict,command="x" ' + ssh_line(2).encode() + b" a", "line 1", "options before the key"),
    (SSH, ssh_line(2).encode() + b" a\n" + ssh_line(2).encode() + b" b\n", "line 2", "stands in line 1 already"),
]


@pytest.mark.parametrize(("form", "data", "place", "text"), REFUSED, ids=lambda value: "" if len(value) > 60 else None)
def test_it_is_refused_by_its_row(form: Format, data: bytes, place: str, text: str) -> None:
    errors = errors_of(form, data)
    assert any(text in found for found in errors.get(place, [])), errors
    assert max(len(found) for texts in errors.values() for found in texts) < 400


@pytest.mark.parametrize(
    ("form", "data", "place"),
    [
        (CSV, b"peer_id\n" + b"\n" * 9 + b"a\n", "row 6"),
        (CSV, b"peer_id,keys\na,\n" + b" ,\n" * 9, "row 7"),
        (SSH, b"# x\r\n\n" * 9 + ssh_line(2).encode() + b" a\n", "line 5"),
    ],
)
def test_very_many_lines_without_a_peer_end_the_reading(
    form: Format, data: bytes, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (csv_form, ssh_form):
        monkeypatch.setattr(module, "MAX_EMPTY", 4)
    assert "in which there is no peer" in errors_of(form, data)[place][0]


def test_every_row_is_told_of_up_to_a_bound() -> None:
    errors = errors_of(CSV, HEADER + b"".join(b"a,x,\n" for _ in range(MAX_FAULTS + 7)))
    assert len(errors) == MAX_FAULTS + 1
    assert errors["file"] == ["There are 7 messages more."]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfpeer_id,scopes\r\na,x\nb,y\rc,z",
        b"scopes;peer_id\nx;a\ny;b\nz;c",
        b'"Peer_ID"\t"scopes"\n\na\t x\n"b"\ty \nc\t"z,z"\n\t\n',
    ],
)
def test_marks_line_ends_and_dividers_may_be_any(data: bytes) -> None:
    found = [(row.values["peer_id"], row.values["scopes"][0]) for row in read(CSV, data)]
    assert found == [("a", "x"), ("b", "y"), ("c", "z")]


def test_keys_in_a_cell_may_be_spelled_in_any_way() -> None:
    cell = f"{fingerprint(2)} {fingerprint(3)}\n{ssh_line(4)} alice@home\n{pem(5)}".encode()
    plan = make_plan(read(CSV, b'peer_id,keys\na,"' + cell + b'"\n'), [], replace=False)
    assert plan.steps[0].new
    assert plan.steps[0].new.entry.fingerprints == tuple(map(fingerprint, (2, 3, 4, 5)))


def test_lines_with_one_name_are_the_keys_of_one_peer() -> None:
    data = f"{ssh_line(2)} build host\r\n# x\n{ssh_line(3)}   build host  \n".encode()
    [row] = read(SSH, data)
    assert (row.place, row.values["peer_id"], len(row.values["keys"])) == ("line 1", "build host", 2)


@pytest.mark.parametrize(
    ("name", "form"), [("a.CSV", CSV), ("a.b.toml", TOML), ("~/.ssh/authorized_keys2", SSH), ("id.pub", SSH)]
)
def test_the_name_tells_the_form(name: str, form: Format) -> None:
    assert format_of(name) is form
    with pytest.raises(ImportRefused):
        format_of("peers")


def test_keys_can_change_places_within_a_file() -> None:
    old = [PeerState(PeerEntry(name, (fingerprint(name),))) for name in "ab"]
    data = f"peer_id,keys\na,{fingerprint('b')}\nb,{fingerprint('a')}\n".encode()
    assert make_plan(read(CSV, data), old, replace=False).count("changed") == 2


def test_a_key_of_a_peer_that_goes_is_free() -> None:
    data = f"peer_id,keys\na,{fingerprint('b')}\n".encode()
    plan = make_plan(read(CSV, data), [PeerState(PeerEntry("b", (fingerprint("b"),)))], replace=True)
    assert (plan.count("added"), plan.count("removed")) == (1, 1)


@pytest.mark.parametrize(
    "text", ["1798718400", "2026-12-31T12:00Z", "2026-12-31 14:00:00+02:00", "2026-12-31T12:00:00.0"]
)
def test_an_end_may_be_spelled_in_any_way(text: str) -> None:
    csv = read(CSV, f"peer_id,expires_at\na,{text}\n".encode())
    toml = read(TOML, f"[[peers]]\npeer_id = 'a'\nexpires_at = '{text}'\n".encode())
    bare = read(TOML, b"[[peers]]\npeer_id = 'a'\nexpires_at = 2026-12-31T12:00:00Z\n")
    assert [row.values["expires_at"] for row in (*csv, *toml, *bare)] == [1798718400.0] * 3


def test_a_day_is_its_first_moment_and_never_is_no_end() -> None:
    day, bare, word, empty = (
        read(CSV, b"peer_id,expires_at\na,2026-12-31\n"),
        read(TOML, b"[[peers]]\npeer_id = 'a'\nexpires_at = 2026-12-31\n"),
        read(TOML, b"[[peers]]\npeer_id = 'a'\nexpires_at = 'never'\n"),
        read(CSV, b"peer_id,expires_at\na,\n"),
    )
    assert [rows[0].values["expires_at"] for rows in (day, bare, word, empty)] == [1798675200.0] * 2 + [None] * 2
