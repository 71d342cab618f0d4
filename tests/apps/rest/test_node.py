"""What REST asks the node for, and what it says while there is none."""

import json
from collections.abc import Callable

from django.conf import settings

from apps.activity.models import Connection
from apps.audit.models import AuditEntry
from node.core.peers import PeerEntry
from tests.support.control import control_thread
from tests.support.happenings import BOOT, imported
from tests.support.journal_records import Story
from tests.support.rest import Caller, problem_of

AddPeer = Callable[..., PeerEntry]


def test_a_connection_is_cut_once(api: Caller) -> None:
    imported([Story().connected(2, "laptop")])
    (row,) = Connection.objects.all()
    live = {"id": 2, "peer": "laptop", "fingerprint": row.fingerprint, "since": row.since.timestamp()}
    with control_thread(settings.PATHS.control_socket) as told:
        told.live = [live]
        assert api.call("DELETE", f"/connections/{BOOT}/2").status_code == 204
        told.live = []
        assert api.call("DELETE", f"/connections/{BOOT}/2").status_code == 404
    assert [row.action for row in AuditEntry.objects.all()] == ["connection.cut"]
    assert api.call("DELETE", f"/connections/{BOOT}/2").status_code == 404, "no node, no connections"


def test_without_a_node_a_content_is_not_stored(api: Caller) -> None:
    refused = api.call("PUT", "/credentials/openai", {"content": "sk-canary"})
    assert "sk-canary" not in str(problem_of(refused, 503))
    assert int(refused["Retry-After"]) > 0
    assert json.loads(api.get("/credentials").content)["items"] == []
    refused = api.call("PUT", "/credentials/openai", {"content": "sk-canary", "other": "sk-canary"})
    assert "sk-canary" not in str(problem_of(refused, 422))


def test_the_status_is_told_also_where_something_is_wrong(api: Caller, add_peer: AddPeer) -> None:
    add_peer("laptop")
    status = json.loads(api.get("/status").content)
    assert (status["ready"], status["peers_enabled"], status["peers_connected"]) == (False, 1, 0)
    assert {check["name"] for check in status["checks"]} >= {"database", "migrations"}
