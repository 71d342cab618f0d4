"""The access check against an oracle that follows spec call §12 step by step."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.access import AccessControl, check_access
from node.core.identity import Identity

WORDS = st.sampled_from(["a", "b", "c"])
names = st.lists(WORDS, max_size=3).map(tuple)
identities = st.none() | st.builds(
    Identity, id=st.just("ann"), scopes=names, resources=st.dictionaries(WORDS, names, max_size=3)
)
controls = st.builds(AccessControl, names, st.none() | names, st.none() | WORDS, st.none() | WORDS)


def oracle(control: AccessControl, identity: Identity | None) -> str:
    """The message of the first failing step, or "" where all hold."""
    nothing_asked = control == AccessControl()
    if nothing_asked:
        return ""
    if identity is None:
        return "authentication required"
    for scope in control.required_scopes:
        if scope not in identity.scopes:
            return f"missing required scope: {scope}"
    if control.required_scopes_any is not None and not set(control.required_scopes_any) & set(identity.scopes):
        return f"missing required scope (any of: {', '.join(control.required_scopes_any)})"
    kind, action = control.resource_type, control.resource_action
    if kind is not None and action is not None:
        return "" if action in identity.resources.get(kind, ()) else f"missing resource: {kind}/{action}"
    if kind is not None:
        return "" if identity.resources.get(kind) else f"missing resource: {kind}"
    if action is not None:
        held = [name for group in identity.resources.values() for name in group]
        return "" if action in held else f"missing resource action: {action}"
    return ""


@given(controls, identities)
@settings(max_examples=1000)
def test_the_check_follows_the_spec(control: AccessControl, identity: Identity | None) -> None:
    decision = check_access(control, identity)
    assert (decision.allowed, decision.message) == (oracle(control, identity) == "", oracle(control, identity))


@pytest.mark.parametrize(
    ("control", "identity", "message"),
    [
        (AccessControl(required_scopes=("admin",)), None, "authentication required"),
        (AccessControl(required_scopes=("admin",)), Identity("u", ("user",)), "missing required scope: admin"),
        (
            AccessControl(required_scopes_any=("x", "y")),
            Identity("u", ("z",)),
            "missing required scope (any of: x, y)",
        ),
        (AccessControl(required_scopes_any=()), Identity("u", ("z",)), "missing required scope (any of: )"),
        (
            AccessControl(resource_type="service", resource_action="read"),
            Identity("u", (), {"service": ("write",)}),
            "missing resource: service/read",
        ),
    ],
)
def test_the_denied_are_told_in_the_words_of_the_spec(
    control: AccessControl, identity: Identity | None, message: str
) -> None:
    assert check_access(control, identity).message == message
