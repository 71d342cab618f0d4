"""The panel's pages of forwarding."""

import re
import time
from collections.abc import Callable
from typing import Any

from django.test import Client

from apps.access.models import Grant
from apps.accounts.rights import Role
from apps.forwarding import selectors, services
from apps.forwarding.models import Rule
from apps.forwarding.unknown import unknown_names
from node.core.peers import PeerEntry
from tests.support.accounts import add_user
from tests.support.panel import ALICE

LIST = "/forwarding/rule/"
FIELDS = {"action": "allow", "target": "*.lan", "principals": "", "direction": "", "position": "", "note": ""}


def add(target: str, action: str = "allow", **wish: Any) -> Rule:
    return services.add_rule(actor=ALICE, target=target, action=action, **wish)


def order() -> list[str]:
    return [row.target for row in selectors.list_rules()]


def text(client: Client, path: str, **data: Any) -> str:
    return client.get(path, data).content.decode()


def test_a_rule_is_added_changed_and_deleted(panel: Client) -> None:
    add("a")
    wish = FIELDS | {"principals": "ann, team:db", "transports": ["quic", "tcp"], "direction": "local", "position": "1"}
    assert panel.post(f"{LIST}add/", wish).status_code == 302
    row = Rule.objects.get(target="*.lan")
    assert (row.position, row.principals, row.transports, row.directions) == (
        1,
        ["ann", "team:db"],
        ["quic", "tcp"],
        ["local"],
    )
    page = panel.get(f"{LIST}{row.pk}/change/")
    initial = page.context["adminform"].form.initial
    assert panel.post(f"{LIST}{row.pk}/change/", initial | {"note": "the office"}).status_code == 302
    row.refresh_from_db()
    assert (row.note, row.position, row.principals) == ("the office", 1, ["ann", "team:db"])
    assert len(panel.get(f"{LIST}{row.pk}/history/").context["page"].object_list) == 2
    panel.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert order() == ["a"]


def test_a_page_of_an_older_state_is_not_saved(panel: Client) -> None:
    first, _ = add("a"), add("b")
    page = panel.get(f"{LIST}{first.pk}/change/")
    initial = page.context["adminform"].form.initial
    assert f'value="{initial["seen"]}"' in page.content.decode()
    services.move_rule(actor=ALICE, rule_id=first.pk, position=2)
    again = panel.post(f"{LIST}{first.pk}/change/", initial | {"action": "deny"})
    assert "changed or moved meanwhile" in again.content.decode()
    first.refresh_from_db()
    assert (first.action, first.position) == ("allow", 2)


def test_what_is_wrong_stands_at_its_field(panel: Client) -> None:
    page = panel.post(f"{LIST}add/", FIELDS | {"target": "10.0.0.1/8", "principals": "a" * 300})
    errors = page.context["adminform"].form.errors
    assert set(errors) == {"target", "principals"}
    assert "write 10.0.0.0/8" in str(errors["target"])
    assert not Rule.objects.exists()


def test_rules_are_moved_by_their_buttons(panel: Client) -> None:
    rows = [add(name) for name in ("a", "b", "c")]
    page = text(panel, LIST)
    assert page.index(">a</span>") < page.index(">b</span>") < page.index(">c</span>")
    assert re.findall(r'aria-label="Move (\w \w+)" disabled', page) == ["a up", "c down"]
    (way,) = set(re.findall(rf'formaction="({LIST}{rows[2].pk}/move/[^"]+)"', page))
    services.move_rule(actor=ALICE, rule_id=rows[0].pk, position=2)
    assert "Nothing was moved" in panel.post(way, {"to": "2"}, follow=True).content.decode()
    assert order() == ["b", "a", "c"]
    services.move_rule(actor=ALICE, rule_id=rows[0].pk, position=1)
    moved = panel.post(way, {"to": "1"}, follow=True)
    assert order() == ["c", "a", "b"]
    assert "Moved: 1. allow c" in moved.content.decode()
    assert "no place" in panel.post(f"{LIST}{rows[2].pk}/move/", {"to": "0"}, follow=True).content.decode()
    assert panel.post(f"{LIST}nothing/move/", {"to": "1"}).status_code == 404
    assert order() == ["c", "a", "b"]


def test_names_that_nobody_has_are_marked(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("ann", scopes=["team:db", "ops:*"])
    Grant.objects.create(peer_id="ann", scopes=["night"], expires_at=time.time() + 3600)
    row = add("a", principals=["ann", "team:db", "ops:day", "night", "anne", "team:web"])
    assert unknown_names([row]) == {"anne", "team:web"}
    page = text(panel, LIST)
    assert re.findall(r"(\S+) <span [^>]*alknet-tone-warning", page) == ["anne", "team:web"]


def test_a_rule_that_cannot_be_read_says_so(panel: Client) -> None:
    Rule.objects.filter(pk=add("a").pk).update(target="10.0.0.1/8")
    assert "all is refused from here on" in text(panel, LIST)


def test_who_may_only_look_sees_the_rules_and_no_button(client: Client, db: None) -> None:
    row = add("db.lan:5432", principals=["team:db"])
    client.force_login(add_user(Role.AUDITOR))
    page = text(client, LIST)
    assert "db.lan:5432" in page
    assert "/move/" not in page
    assert "team:db" in text(client, f"{LIST}{row.pk}/change/")
    assert client.post(f"{LIST}{row.pk}/move/", {"to": "1"}).status_code == 403


def test_the_tester_answers_and_leads_to_the_rule(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("ann", scopes=["ssh:forward:*:*"])
    row = add("10.0.0.0/8")
    asked = {"peer_id": "ann", "direction": "local", "transport": "quic"}
    page = text(panel, "/forwarding/", target="10.0.0.7:5432", **asked)
    assert "Allowed" in page
    assert f"{LIST}{row.pk}/change/" in page
    assert "Refused" in text(panel, "/forwarding/", target="192.0.2.1:1", **asked)
    assert "expected HOST:PORT" in text(panel, "/forwarding/", target="nothing", **asked).replace(
        "Expected", "expected"
    )
