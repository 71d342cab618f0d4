"""API keys in the panel: made and shown once, listed, removed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from apps.peers import services
from apps.peers.models import ApiKey
from node.core.tokens import hash_token
from tests.support.panel import ALICE, audit

ADD = "/peers/apikey/add/"
LIST = "/peers/apikey/"


def test_a_new_key_is_shown_on_the_answer_and_nowhere_else(panel: Client) -> None:
    response = panel.post(ADD, {"description": "backup", "scopes": "fs:read\nfs:list"})

    row = ApiKey.objects.get()
    secret = response.context["secret"]
    assert response.status_code == 200
    assert secret in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert (row.hash, row.scopes, row.expires_at) == (hash_token(secret), ["fs:read", "fs:list"], None)
    assert audit() == [("admin", "api_key.added", row.prefix)]
    for url in (LIST, reverse("admin:peers_apikey_change", args=[quote(row.prefix)])):
        page = panel.get(url).content.decode()
        assert row.prefix in page
        assert secret not in page
        assert row.hash not in page
    assert secret not in str(dict(panel.session.items()))


def test_an_expiry_is_stored_in_unix_seconds(panel: Client) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    panel.post(ADD, {"expires_at_0": f"{moment:%Y-%m-%d}", "expires_at_1": f"{moment:%H:%M:%S}"})

    assert ApiKey.objects.get().expires_at == int(moment.timestamp())


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"scopes": "a b"}, "scopes"),
        ({"scopes": "\n".join(f"s{n}" for n in range(10_000))}, "scopes"),
        ({"description": "x" * 256}, "description"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}, "expires_at"),
        ({"expires_at_0": "soon", "expires_at_1": ""}, "expires_at"),
    ],
)
def test_wrong_input_is_a_field_error_and_writes_nothing(panel: Client, sent: dict[str, str], field: str) -> None:
    response = panel.post(ADD, sent)

    assert list(response.context["adminform"].form.errors) == [field]
    assert not ApiKey.objects.exists()
    assert audit() == []


def test_removing_one_and_many(panel: Client) -> None:
    names = [services.create_api_key(actor=ALICE, description="", scopes=[]).entry.prefix for _ in range(3)]
    panel.post(reverse("admin:peers_apikey_delete", args=[quote(names[0])]), {"post": "yes"})
    panel.post(LIST, {"action": "delete_selected", "_selected_action": names[1:], "post": "yes"})

    assert not ApiKey.objects.exists()
    assert sorted(audit()[3:]) == sorted(("admin", "api_key.removed", name) for name in names)


def test_a_key_cannot_be_changed(panel: Client) -> None:
    name = services.create_api_key(actor=ALICE, description="mine", scopes=[]).entry.prefix

    assert panel.post(reverse("admin:peers_apikey_change", args=[quote(name)]), {"description": "x"}).status_code == 403
    assert ApiKey.objects.get().description == "mine"
