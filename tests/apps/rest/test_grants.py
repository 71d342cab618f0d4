"""Grants over REST."""

import time
from collections.abc import Callable

from node.core.peers import PeerEntry
from tests.support.rest import Caller


def test_a_grant_is_given_read_and_revoked(api: Caller, add_peer: Callable[..., PeerEntry]) -> None:
    add_peer("ci")
    end = time.time() + 60
    made = api.call("POST", "/grants", {"peer_id": "ci", "scopes": ["git:write"], "expires_at": end})
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["holds"], row["expires_at"], row["scopes"]) == (True, end, ["git:write"])
    assert api.call("GET", f"/grants/{row['id']}").json() == row
    assert api.call("GET", "/grants?peer_id=ci&holds=true").json()["items"] == [row]
    assert api.call("GET", "/grants?holds=false").json()["items"] == []
    refused = api.call("POST", "/grants", {"peer_id": "ci", "scopes": ["*"], "expires_at": end})
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["scopes"])
    assert api.call("DELETE", f"/grants/{row['id']}").status_code == 204
    assert api.call("DELETE", f"/grants/{row['id']}").status_code == 404
