"""From a refusal to the tester."""

from apps.accounts.rights import Role
from apps.activity.links import why_not_url
from apps.activity.models import Event
from node.handlers.ssh.forwarding.gate import MESSAGE
from node.handlers.ssh.rights import BY_SETTINGS
from tests.support.accounts import add_user


def test_a_refusal_leads_to_the_tester_filled_in(db: None) -> None:
    viewer = add_user(Role.VIEWER)
    denied = Event(
        kind="denied",
        peer_id="ci",
        alpn="alknet/call",
        detail={"message": "missing required scope: fs:read; locked"},
    )
    assert why_not_url(denied, viewer) == "/access/?who=ci&alpn=alknet%2Fcall&scopes=fs%3Aread"
    assert why_not_url(Event(kind="refused", fingerprint="ed25519:1", detail=[]), viewer) == "/access/?who=ed25519%3A1"
    assert why_not_url(Event(kind="connected", peer_id="ci"), viewer) == ""
    forwarded = Event(kind="denied", peer_id="a b", reason=MESSAGE, detail={})
    assert why_not_url(forwarded, add_user(Role.OPERATOR, "operator")) == "/forwarding/?peer_id=a+b"
    assert why_not_url(forwarded, add_user(None, "no rights")) == ""
    assert why_not_url(Event(kind="denied", peer_id="ci", reason=BY_SETTINGS, detail={}), viewer) == ""
    assert why_not_url(denied, add_user(None, "nobody")) == ""
