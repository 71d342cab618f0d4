"""What the pages say: to a stranger of an appliance that is not set up, to who has no rights, about the node."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from apps.accounts.rights import Role
from apps.audit.models import AuditEntry
from apps.audit.words import action_words
from apps.panel.node_facts import UNKNOWN_HOST, NodeFacts, node_facts
from node.core.peers import PeerEntry
from tests.support.accounts import add_user, desk_of
from tests.support.panel import fingerprint, ssh_line

KEY = fingerprint("node")


@pytest.fixture
def ready() -> Iterator[Callable[[str], None]]:
    path = settings.PATHS.ready_file

    def write(address: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"node_address": address, "node_fingerprint": KEY}))

    yield write
    path.unlink(missing_ok=True)


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_without_an_administrator_the_sign_in_page_leads_to_the_set_up_link(client: Client, db: None) -> None:
    page = text(client, "/account/login/")
    assert "Not set up yet" in page
    assert "<form" not in page

    User.objects.create_superuser("alice")
    page = text(client, "/account/login/")
    assert "Not set up yet" not in page
    assert 'name="password"' in page


@pytest.mark.parametrize("path", ["/setup/", "/setup/wrong/"])
def test_a_dead_set_up_link_says_that_it_works_once(client: Client, admin_user: User, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "works once" in response.content.decode()


def test_another_missing_page_does_not_speak_of_set_up(panel: Client) -> None:
    assert "works once" not in text(panel, "/nowhere/")


@pytest.mark.parametrize(
    ("ready_address", "listen", "browser", "address", "listens"),
    [
        ("127.0.0.1:4433", "0.0.0.0:4433", "box.example:8000", "box.example:4433", "all interfaces (0.0.0.0:4433)"),
        ("127.0.0.1:50001", "0.0.0.0:0", "192.0.2.7:8000", "192.0.2.7:50001", "all interfaces (0.0.0.0:50001)"),
        ("[::1]:4433", "[::]:4433", "[2001:db8::7]:80", "[2001:db8::7]:4433", "all interfaces ([::]:4433)"),
        ("127.0.0.1:4433", "0.0.0.0:4433", "127.0.0.1:8000", f"{UNKNOWN_HOST}:4433", "all interfaces (0.0.0.0:4433)"),
        ("127.0.0.1:4433", "0.0.0.0:4433", "localhost", f"{UNKNOWN_HOST}:4433", "all interfaces (0.0.0.0:4433)"),
        ("127.0.0.1:4433", "127.0.0.1:4433", "box.example", "127.0.0.1:4433", "127.0.0.1:4433"),
        ("192.0.2.7:4433", "192.0.2.7:4433", "box.example", "192.0.2.7:4433", "192.0.2.7:4433"),
    ],
)
def test_the_node_has_an_address_that_others_can_use(
    ready: Callable[[str], None], ready_address: str, listen: str, browser: str, address: str, listens: str
) -> None:
    ready(ready_address)
    facts = node_facts(settings.PATHS, listen=listen, browser_host=browser)
    assert facts == NodeFacts(KEY, listens=listens, address=address)


def test_the_first_steps_name_the_host_of_the_browser(panel: Client, ready: Callable[[str], None]) -> None:
    ready("127.0.0.1:4433")
    page = text(panel, "/")
    assert f"alknet call testserver:4433 --pin {KEY} node/whoami" in page
    assert "all interfaces (0.0.0.0:4433)" in page


def test_who_has_no_role_is_told_so(db: None) -> None:
    add_user(Role.OWNER)
    client = desk_of(None)
    assert client.get("/").status_code == 302
    assert "this account may not use the panel" in client.get("/", follow=True).content.decode()


def test_a_peer_that_can_never_connect_says_so(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("keyless", keys=[])
    add_peer("keyed")
    add_peer("off", keys=[], enabled=False)

    said = {
        name: "can never connect" in text(panel, f"/peers/peer/{name}/change/") for name in ("keyless", "keyed", "off")
    }
    assert said == {"keyless": True, "keyed": False, "off": False}


def test_only_a_token_that_is_there_can_be_cleared(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("laptop")
    assert "clear-token" not in text(panel, "/peers/peer/laptop/change/")
    assert "Clear token" not in text(panel, "/peers/peer/laptop/clear-token/")

    panel.post("/peers/peer/laptop/issue-token/")
    assert "clear-token" in text(panel, "/peers/peer/laptop/change/")
    assert "Clear token" in text(panel, "/peers/peer/laptop/clear-token/")


def test_saving_the_list_says_who_was_switched(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    for name in ("a", "b", "c"):
        add_peer(name, enabled=name == "a")
    form = {
        "form-TOTAL_FORMS": 3,
        "form-INITIAL_FORMS": 3,
        "_save": "Save",
        "form-1-enabled": "on",
        "initial-form-0-enabled": "True",
    }
    form |= {f"form-{number}-peer_id": name for number, name in enumerate("abc")}
    page = panel.post("/peers/peer/", form, follow=True).content.decode()

    assert "Enabled b. Disabled a." in page
    assert "changed successfully" not in page


def test_the_log_of_changes_reads_as_sentences_and_leads_on(panel: Client, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("laptop", keys=[ssh_line(1)])
    add_peer("gone")
    panel.post("/peers/peer/laptop/issue-token/")
    panel.post("/peers/peer/gone/delete/", {"post": "yes"})
    page = text(panel, "/")

    for words in ("added the peer", "issued a token to the peer", "removed the peer", "alice (shell)"):
        assert words in page
    assert action_words("assertion.added") == "added the assertion"
    assert 'href="/peers/peer/laptop/change/"' in page
    assert 'href="/peers/peer/gone/change/"' not in page
    listed = text(panel, "/audit/auditentry/?action=peer.added")
    assert "alice (shell)" in listed
    assert "removed the peer" in listed, "the filter offers it, in words"
    assert "peer.removed</" not in listed
    assert "removed the peer gone" in text(panel, f"/audit/auditentry/{AuditEntry.objects.latest('pk').pk}/change/")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/peers/peer/laptop/delete/", "Disabling does the same and keeps the entry"),
        ("/auth/", "Administration"),
        ("/logout/", "Signed out"),
    ],
)
def test_pages_speak_of_the_appliance(panel: Client, add_peer: Callable[..., PeerEntry], path: str, words: str) -> None:
    add_peer("laptop")
    page = (panel.post(path) if path == "/logout/" else panel.get(path)).content.decode()

    assert words in page
    assert "related items" not in page
    assert "Authentication and Authorization" not in page
    assert "quality time" not in page


def test_a_stale_form_and_a_missing_right_are_two_pages(admin_user: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert "stale" in strict.post("/peers/peer/add/", {}).content.decode()

    page = text(desk_of(Role.VIEWER), "/peers/apikey/")
    assert "has no right to this" in page
    assert "stale" not in page


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/peers/peer/", "invite one with a code"),
        ("/peers/apikey/", "It is shown once"),
        ("/credentials/credential/", "Secrets of other services"),
        ("/locks/lock/", "Nothing is held back"),
        ("/forwarding/rule/", "Without rules nothing is forwarded"),
        ("/backups/backup/", "makes the first"),
        ("/enrolment/invite/", "alknet join CODE"),
        ("/peers/peer/?q=nobody", "Show all"),
    ],
)
def test_an_empty_list_says_what_to_do_next(panel: Client, path: str, words: str) -> None:
    assert words in text(panel, path)


@pytest.mark.parametrize(("path", "lit"), [("/access/", "Access tester"), ("/access/assertion/", "Assertions")])
def test_the_side_bar_lights_up_where_one_is_and_no_page_above(panel: Client, path: str, lit: str) -> None:
    groups = panel.get(path).context["sidebar_navigation"]
    assert [item["title"] for group in groups for item in group["items"] if item["active"]] == [lit]


def test_times_are_told_in_one_way(panel: Client, admin_user: User) -> None:
    joined = f"{admin_user.date_joined:%Y-%m-%d %H:%M} UTC"
    assert joined in text(panel, f"/auth/user/{admin_user.pk}/change/")


def test_no_rule_of_the_style_sheet_undoes_another_of_its_name() -> None:
    """Two pages had a class of one name, and the later look was that of both."""
    sheet = (settings.BASE_DIR / "static" / "panel" / "panel.css").read_text()
    names = re.findall(r"^(\.alknet-[a-z-]+) \{", sheet, re.MULTILINE)
    assert sorted(names) == sorted(set(names))
