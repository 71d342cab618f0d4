"""What the comboboxes of scopes and resources offer, from the node, from the database, and with neither."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.rights import Role
from apps.panel.fields import Offered
from apps.peers import offers, services
from apps.peers.completions import MOST, complete_resources, complete_scopes, fits
from node.control.scopes import asked_by
from node.core.access import AccessControl
from node.core.paths import DataPaths
from node.core.peers import PeerEntry
from node.handlers.call.discovery import whoami
from node.handlers.call.operation import Operation
from node.settings import load_settings
from tests.support.accounts import desk_of
from tests.support.control import control_thread
from tests.support.panel import ALICE

AddPeer = Callable[..., PeerEntry]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Nothing is remembered of another test's node and peers."""
    for kept in (offers.NEEDS, offers.IN_USE):
        kept.forget()
    yield
    for kept in (offers.NEEDS, offers.IN_USE):
        kept.forget()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose operations ask for two scopes and one kind."""
    needs = offers.Needs(
        {"git:read": offers.Asked(("git/list",), 1), "git:write": offers.Asked(("a/1", "a/2", "a/3"), 9)},
        {"repo": offers.Asked(("git/list",), 1)},
        known=True,
    )
    monkeypatch.setattr(offers.NEEDS, "_make", lambda _: needs)


def texts(offered: Offered) -> list[str]:
    return [option.text for option in offered.options]


def test_what_operations_ask_for_comes_before_what_peers_have(told: None, add_peer: AddPeer) -> None:
    add_peer("a", scopes=["git:read", "custom"])
    add_peer("b", scopes=["custom"])
    services.create_api_key(actor=ALICE, description="", scopes=["custom"], expires_at=None)

    offered = complete_scopes("")
    assert [(one.text, one.about) for one in offered.options][:4] == [
        ("git:read", "asked for by git/list; 1 has it"),
        ("git:write", "asked for by a/1, a/2, a/3 and 6 more; nobody has it"),
        ("custom", "no operation of this node asks for it; 3 have it"),
        ("ssh:shell", "SSH: a shell and terminals; nobody has it"),
    ]
    assert offered.about == "Operations compare scopes letter by letter. To SSH and SFTP a * is any one field."


def test_a_beginning_comes_before_a_middle_and_the_case_does_not_matter(told: None, add_peer: AddPeer) -> None:
    add_peer("a", scopes=["digit", "GIT:x"])
    assert texts(complete_scopes("git")) == ["git:read", "git:write", "GIT:x", "digit"]


def test_a_star_finds_one_field_and_says_that_it_gives_nothing(told: None, add_peer: AddPeer) -> None:
    add_peer("a", scopes=["git:read:web"])
    offered = complete_scopes("git:*")
    assert texts(offered) == ["git:read\ngit:write", "git:read", "git:write"]
    assert "2 known scopes fit" in offered.about
    assert "“git:*” itself would give only what asks for “git:*”" in offered.about
    assert "no known scope fits" in complete_scopes("nothing:*").about


def test_the_sentence_judges_what_is_typed(told: None, db: None) -> None:
    assert complete_scopes("git:read").about == "git:read: asked for by git/list; nobody has it."
    assert complete_scopes("a b").about == "A scope has no spaces or commas and is not empty."
    assert complete_scopes("new").about.startswith("No operation of this node asks for it, and nobody has “new” yet")


def test_scopes_of_ssh_and_sftp_are_offered_with_what_they_are_for(told: None, db: None, settings: Any) -> None:
    values = {"ssh.programs": ["/usr/bin/uptime"], "sftp.buckets": {"photos": {"directory": "/srv/photos"}}}
    settings.ALKNET = load_settings(data=settings.ALKNET.data, overrides=values).settings
    assert texts(complete_scopes("ssh:exec")) == ["ssh:exec:*", "ssh:exec:uptime"]
    assert texts(complete_scopes("sftp:")) == ["sftp:read", "sftp:write", "sftp:*"]
    every = "SSH: programs, by their names. Here * is any one field between colons. Enter adds it."
    assert complete_scopes("ssh:exec:*").about == every
    assert texts(complete_scopes("ssh:exec:*"))[1:] == ["ssh:exec:*", "ssh:exec:uptime"]
    told_of = complete_scopes("ssh:forward:db.lan:5432").about
    assert told_of.startswith("SSH: connect to hosts and ports")
    assert complete_scopes("ssh:forward:db.lan").about.startswith("No operation of this node asks for it")
    assert texts(complete_resources("ph")) == ["bucket:photos"]
    assert "bucket:" in texts(complete_resources(""))


def test_without_a_node_what_is_stored_is_offered_and_that_is_said(add_peer: AddPeer) -> None:
    add_peer("a", scopes=["fs:read"])
    offered = complete_scopes("")
    assert [(one.text, one.about) for one in offered.options][:1] == [("fs:read", "1 has it")]
    assert "does not tell" in offered.about


def test_what_a_node_told_last_stays_while_it_is_away() -> None:
    before = offers.Needs({"x": offers.Asked(("a/b",), 1)}, known=True)
    assert offers._ask_node(before) is before
    assert not offers._ask_node(None).known


def test_a_node_is_asked_over_its_control_socket(tmp_path: Path, settings: Any) -> None:
    settings.PATHS = DataPaths(tmp_path)
    settings.PATHS.run.mkdir()
    with control_thread(settings.PATHS.control_socket):
        assert offers._ask_node(None) == offers.Needs(known=True), "one whose operations ask for nothing"
    told = asked_by([Operation("git/list", whoami, access=AccessControl(("git:read",), resource_type="repo"))])
    assert offers._asked(told["scopes"], "scope") == {"git:read": offers.Asked(("git/list",), 1)}
    assert offers._asked(told["resources"], "kind") == {"repo": offers.Asked(("git/list",), 1)}


@pytest.mark.parametrize("row", [{}, 7, {"name": "x"}, {"scope": "x", "operations": [], "count": "many"}])
def test_what_a_node_tells_in_another_shape_is_as_if_it_told_nothing(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, row: Any
) -> None:
    settings.PATHS = DataPaths(tmp_path)
    settings.PATHS.run.mkdir()
    monkeypatch.setattr(offers.ControlClient, "call", lambda *_: {"scopes": [row], "resources": []})
    with control_thread(settings.PATHS.control_socket):
        assert offers._ask_node(None) == offers.Needs()


def test_resources_are_offered_by_kind_and_name(told: None, add_peer: AddPeer) -> None:
    add_peer("a", resources={"repo": ["web", "docs"], "dir": ["home"]})
    add_peer("b", resources={"repo": ["web"]})
    assert texts(complete_resources("repo:")) == ["repo:web", "repo:docs"]
    assert complete_resources("web").options[0].about == "2 have it"
    assert "dir:" in texts(complete_resources("d"))
    assert "Nobody has “new” of kind “repo” yet" in complete_resources("repo:new").about


def test_an_answer_is_bounded(add_peer: AddPeer) -> None:
    add_peer("a", scopes=[f"s{n}" for n in range(50)], resources={f"k{n}": ["x"] for n in range(50)})
    assert len(complete_scopes("").options) == MOST
    assert len(complete_scopes("*").options) <= MOST + 1
    assert len(complete_resources("").options) == MOST


fields = st.lists(st.sampled_from(["a", "b", "*", ""]), min_size=1, max_size=4)


@given(fields, fields)
def test_a_pattern_fits_field_by_field(pattern: list[str], scope: list[str]) -> None:
    same = len(pattern) == len(scope) and all(p in {"*", s} for p, s in zip(pattern, scope, strict=False))
    assert fits(":".join(pattern), ":".join(scope)) is same


def test_the_page_answers_with_options_whatever_the_names_are(panel: Client, add_peer: AddPeer) -> None:
    add_peer("a", scopes=["<b>&\"x'"])
    page = panel.get("/fields/scopes/complete/", {"q": "<b>"}).content.decode()
    assert 'data-text="&lt;b&gt;&amp;&quot;x&#x27;"' in page
    assert "<b>" not in page
    assert panel.get("/fields/nothing/complete/").status_code == 404
    assert panel.post("/fields/scopes/complete/").status_code == 405


def test_whoever_may_see_no_peers_is_offered_nothing(db: None, client: Client) -> None:
    answer: Any = client.get("/fields/scopes/complete/")
    assert (answer.status_code, "/login/" in answer["Location"]) == (302, True)
    assert desk_of(Role.VIEWER).get("/fields/scopes/complete/").status_code == 200
