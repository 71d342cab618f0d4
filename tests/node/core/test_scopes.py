"""The one matcher of handlers' scopes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.identity import Identity
from node.core.scopes import ANY, allowed_by_scope, fields, matches

NAMES = st.text("abc./-", min_size=1, max_size=4)
SCOPES = st.lists(NAMES | st.sampled_from(["[::1]", "[fe80::2]"]), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("pattern", "scope", "whether"),
    [
        ("ssh:shell", "ssh:shell", True),
        ("ssh:exec:*", "ssh:exec:git-upload-pack", True),
        ("ssh:*", "ssh:exec:git-upload-pack", False),
        ("*", "ssh:shell", False),
        ("*:*", "ssh:shell", True),
        ("ssh:exec:git-*", "ssh:exec:git-upload-pack", False),
        ("ssh:forward:*:22", "ssh:forward:[2001:db8::1]:22", True),
        ("ssh:forward:[2001:db8::1]:*", "ssh:forward:[2001:db8::1]:22", True),
        ("ssh:forward:*:22", "ssh:forward:2001:db8::1:22", False),
        ("ssh:exec:*", "ssh:exec:", True),
        ("ssh:exec:*", "ssh:exec", False),
        ("ssh:exec:*", "ssh:exec:a:b", False),
        ("ssh:exec:*", "ssh:exec:[a", False),
        ("ssh:exec:*", "ssh:exec:a]b", False),
        ("SSH:shell", "ssh:shell", False),
    ],
)
def test_a_star_is_one_field_and_nothing_else(pattern: str, scope: str, whether: bool) -> None:
    assert matches(pattern, scope) is whether


@settings(max_examples=50)
@given(SCOPES, st.data())
def test_a_scope_with_stars_covers_what_it_was_made_from(parts: list[str], data: st.DataObject) -> None:
    stars = data.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    pattern = [ANY if star else part for star, part in zip(stars, parts, strict=True)]
    assert fields(":".join(parts)) == tuple(parts)
    assert matches(":".join(pattern), ":".join(parts))
    assert not matches(":".join([*pattern, ANY]), ":".join(parts))
    if not all(stars):
        assert not matches(":".join(pattern), ":".join(part + "x" for part in parts))


def test_what_is_allowed_is_explained_and_what_is_not_says_what_is_missing() -> None:
    ann = Identity("ann", ("ssh:exec:*",), locked={"ssh:shell": "locked: not this night"})
    assert allowed_by_scope(ann, "ssh:exec:x").explanation == "“ann” has ssh:exec:*"
    denied = allowed_by_scope(ann, "ssh:shell")
    assert denied.message == "missing required scope: ssh:shell; locked: not this night"
    assert "ssh:exec:*" in denied.explanation
    assert allowed_by_scope(None, "ssh:shell").message == "authentication required"
    assert len(allowed_by_scope(ann, "x" * 10_000).message) < 300
