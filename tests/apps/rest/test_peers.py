"""Peers over REST: what the services do, and what only REST has."""

import json
from collections.abc import Callable
from typing import Any

from apps.audit.models import AuditEntry
from apps.peers import services
from node.core.peers import PeerEntry
from tests.support.panel import ALICE, audit, fingerprint, rows, ssh_line, token_hash
from tests.support.rest import Caller, problem_of

AddPeer = Callable[..., PeerEntry]


def test_a_peer_is_put_read_changed_renamed_and_removed(api: Caller) -> None:
    made = api.call("PUT", "/peers/laptop", {"keys": [ssh_line("laptop")], "scopes": ["git:read"]})
    assert made.status_code == 201
    assert json.loads(made.content)["keys"] == [fingerprint("laptop")]
    assert api.get("/peers/laptop", If_None_Match=made["ETag"]).status_code == 304
    assert json.loads(api.get("/peers/laptop").content)["spellings"][0]["openssh"] == ssh_line("laptop")

    replaced = api.call("PUT", "/peers/laptop", {"keys": [fingerprint("laptop")], "scopes": []})
    assert (replaced.status_code, json.loads(replaced.content)["scopes"]) == (200, [])
    changed = api.call("PATCH", "/peers/laptop", {"display_name": "Alice's laptop", "enabled": False})
    assert json.loads(changed.content)["keys"] == [fingerprint("laptop")]
    assert api.call("POST", "/peers/laptop/rename", {"peer_id": "notebook"}).status_code == 200
    assert api.get("/peers/laptop").status_code == 404
    assert api.call("DELETE", "/peers/notebook").status_code == 204
    assert rows() == {}
    done = [action for _, action, _ in audit()]
    assert done == ["peer.added", "peer.changed", "peer.changed", "peer.renamed", "peer.renamed", "peer.removed"]
    assert set(AuditEntry.objects.values_list("actor_kind", flat=True)) == {"token"}


def test_a_token_that_is_not_sent_stays(api: Caller, add_peer: AddPeer) -> None:
    add_peer("laptop")
    services.issue_peer_token(actor=ALICE, peer_id="laptop")
    kept = rows()["laptop"]["auth_token_hash"]
    assert json.loads(api.call("PUT", "/peers/laptop", {}).content)["has_token"] is True
    assert rows()["laptop"]["auth_token_hash"] == kept
    assert kept.encode() not in api.get("/peers/laptop").content

    api.call("PUT", "/peers/laptop", {"auth_token_hash": token_hash(1)})
    assert rows()["laptop"]["auth_token_hash"] == token_hash(1)
    api.call("PUT", "/peers/laptop", {"auth_token_hash": None})
    assert rows()["laptop"]["auth_token_hash"] is None
    issued = json.loads(api.call("POST", "/peers/laptop/token").content)["token"]
    assert issued.startswith("alkp_")
    assert api.call("DELETE", "/peers/laptop/token").status_code == 204
    assert rows()["laptop"]["auth_token_hash"] is None


def test_an_older_state_is_refused(api: Caller, add_peer: AddPeer) -> None:
    add_peer("laptop")
    seen = api.get("/peers/laptop")["ETag"]
    assert api.get("/peers/laptop", If_None_Match=seen).status_code == 304
    assert api.call("PATCH", "/peers/laptop", {"enabled": False}, If_Match=seen)["ETag"] != seen
    before = rows()
    for method, body in (("PUT", {}), ("PATCH", {"enabled": True}), ("DELETE", None)):
        problem_of(api.call(method, "/peers/laptop", body, If_Match=seen), 412)
    problem_of(api.call("PUT", "/peers/laptop", {}, If_None_Match="*"), 412)
    problem_of(api.call("PUT", "/peers/other", {}, If_Match="*"), 412)
    problem_of(api.call("PUT", "/peers/laptop", {}, If_Match="laptop"), 400)
    assert rows() == before


def test_names_with_every_kind_of_character_have_a_path(api: Caller) -> None:
    for name in ("a b", "straße", "100%25", "q?x#y", "a;b=c,d", "漢字"):
        from urllib.parse import quote

        path = f"/peers/{quote(name, safe='')}"
        assert api.call("PUT", path, {}).status_code == 201
        assert json.loads(api.get(path).content)["peer_id"] == name


def test_a_list_is_read_page_by_page(api: Caller, add_peer: AddPeer) -> None:
    names = [f"peer-{number:02}" for number in range(7)]
    for name in names:
        add_peer(name, scopes=["git:read"] if name < "peer-03" else ["git:readers"], enabled=name != "peer-05")
    assert read_all(api, "/peers?limit=3") == names
    assert read_all(api, "/peers?limit=2&scope=git:read") == names[:3]
    assert read_all(api, "/peers?enabled=false") == ["peer-05"]
    assert read_all(api, "/peers?search=PEER-06") == ["peer-06"]


def read_all(api: Caller, path: str) -> list[str]:
    found: list[str] = []
    following = ""
    while True:
        page: dict[str, Any] = json.loads(api.get(f"{path}{following}").content)
        found += [item["peer_id"] for item in page["items"]]
        if page["next"] is None:
            return found
        following = ("&" if "?" in path else "?") + f"cursor={page['next']}"


def test_what_is_wrong_is_told_by_field_and_nothing_is_written(api: Caller, add_peer: AddPeer) -> None:
    add_peer("laptop")
    before, log = rows(), audit()
    told = problem_of(api.call("PUT", "/peers/other", {"keys": ["nonsense"], "scopes": ["a b"]}), 422)
    assert sorted(told["errors"]) == ["keys", "scopes"]
    told = problem_of(api.call("PUT", "/peers/other", {"keys": [fingerprint("laptop")]}), 422)
    assert "laptop" in told["errors"]["keys"][0]
    told = problem_of(api.call("PUT", "/peers/other", {"enabled": "yes", "colour": "red"}), 422)
    assert sorted(told["errors"]) == ["colour", "enabled"]
    for cursor in ("x", "W10", "WyJhcGkta2V5cyIsICJhIl0", "%00", "é"):
        problem_of(api.get(f"/peers?cursor={cursor}"), 422)
    assert sorted(problem_of(api.get("/peers?enabeld=false&limit=3"), 422)["errors"]) == ["enabeld"]
    assert (rows(), audit()) == (before, log)
