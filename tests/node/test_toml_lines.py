"""Lines of TOML keys, against documents whose layout is known because the test wrote it."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from node.toml_lines import key_lines

NAMES = st.sampled_from(["a", "b", "listen", '"quoted key"', "x-1"])
VALUES = st.sampled_from(
    ["1", '"text"', "[1,\n 2, # two\n]", '"""\n[not.a.table]\nkey = 1\n"""', "'''\n\n'''", "{ in = 1 }"]
)
GAPS = st.sampled_from(["", "\n", "# a comment with = and [brackets]\n", "\n\n"])


@given(st.lists(st.tuples(GAPS, NAMES, VALUES), max_size=6, unique_by=lambda entry: entry[1]), st.booleans())
def test_each_key_is_found_where_it_was_written(entries: list[tuple[str, str, str]], in_table: bool) -> None:
    text, expected = ("# top\n[sec.tion]\n", {}) if in_table else ("", {})
    above = ("sec", "tion") if in_table else ()
    for gap, name, value in entries:
        text += gap
        expected[(*above, name.strip('"'))] = text.count("\n") + 1
        text += f"{name} = {value}\n"
    tomllib.loads(text)
    found = key_lines(text)
    assert {path: found[path] for path in expected} == expected


def test_tables_arrays_of_tables_and_dotted_keys_have_lines() -> None:
    text = "a.b = 1\n[c]\n[[d.e]]\nf = 2\n"
    assert key_lines(text) == {("a",): 1, ("a", "b"): 1, ("c",): 2, ("d", "e"): 3, ("d", "e", "f"): 4}
