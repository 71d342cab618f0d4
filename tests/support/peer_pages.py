"""The panel's pages of peers: where they are, and what a browser sends to them."""

import re
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.peers.digests import state_digest
from apps.peers.models import Peer
from apps.peers.selectors import get_state

LIST = "/peers/peer/"
ADD = "/peers/peer/add/"


def change(peer_id: str) -> str:
    return reverse("admin:peers_peer_change", args=[peer_id])


def form(**fields: Any) -> dict[str, Any]:
    """What a browser sends for a peer's form."""
    typed = {"peer_id": "laptop", "display_name": "", "enabled": "on", "keys": "", "scopes": "", "resources": "{}"}
    return {name: value for name, value in (typed | fields).items() if value is not None}


def edited(stored: str, **fields: Any) -> dict[str, Any]:
    """What a browser sends for the form of a peer that is stored, on a page that is fresh."""
    return form(seen=state_digest(get_state(stored)), **fields)


def agree(client: Client, path: str, data: dict[str, Any], **kwargs: Any) -> HttpResponse:
    """Send a form, look at what it takes away, and send it again."""
    asked = client.post(path, data).content.decode()
    agreed = re.search(r'name="agreed" value="(\w+)"', asked)
    assert agreed is not None, "nothing was asked"
    return client.post(path, data | {"agreed": agreed[1]}, **kwargs)


def field_errors(response: HttpResponse) -> dict[str, list[str]]:
    assert response.status_code == 200, "a form with errors is shown again"
    return dict(response.context["adminform"].form.errors)


def changelist(row: Peer, *others: Peer, **fields: Any) -> dict[str, Any]:
    """What a browser sends for the list with its switches, one field of the first row changed."""
    data: dict[str, Any] = {
        "form-TOTAL_FORMS": 1 + len(others),
        "form-INITIAL_FORMS": 1 + len(others),
        "_save": "Save",
    }
    for number, each in enumerate(sorted((row, *others), key=lambda peer: peer.pk)):
        enabled = fields["enabled"] if each == row else each.enabled
        data |= {f"form-{number}-peer_id": each.pk, f"initial-form-{number}-enabled": str(each.enabled)}
        data |= {f"form-{number}-enabled": "on"} if enabled else {}
    return data
