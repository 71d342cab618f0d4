"""Tokens are made with bounds, told once, and revoked."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from apps.accounts.rights import Right, Role
from apps.accounts.services import create_user
from apps.audit.models import AuditEntry
from apps.tokens import selectors, services
from apps.tokens.authentication import Authenticated, Refusal, authenticate
from apps.tokens.bounds import NotYours, refuse_excess
from apps.tokens.errors import Absent, InvalidToken
from apps.tokens.last_used import LastUsed
from tests.support.panel import ALICE

HERE = "192.0.2.7"


def make(**fields: Any) -> services.NewToken:
    return services.create_token(**({"actor": ALICE, "name": "ci", "rights": ["peers:write"]} | fields))


def test_a_token_is_made_known_and_revoked(db: None) -> None:
    new = make(networks=["192.0.2.0/24", "192.0.2.1"], expires_at=int(time.time()) + 60)
    found = authenticate(new.text, HERE)
    assert isinstance(found, Authenticated)
    assert found.rights == {Right.PEERS_READ, Right.PEERS_WRITE}
    assert str(found.actor) == f"ci/{new.facts.id} (token)"
    assert new.facts.networks == ("192.0.2.0/24", "192.0.2.1/32")
    assert services.revoke_tokens(actor=ALICE, ids=[new.facts.id]) == 1
    assert authenticate(new.text, HERE) is Refusal.UNKNOWN
    assert list(AuditEntry.objects.order_by("id").values_list("action", "object_id")) == [
        ("token.created", new.facts.id),
        ("token.revoked", new.facts.id),
    ]


def test_the_secret_is_nowhere_but_in_what_was_told(db: None) -> None:
    new = make()
    secret = new.text.split("_", 2)[2]
    assert secret not in repr(new)
    with connection.cursor() as cursor:
        for table in ("api_tokens", "audit_auditentry"):
            cursor.execute(f"SELECT * FROM {table}")
            assert secret not in str(cursor.fetchall())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\nb"),
        ("name", "x" * 65),
        ("rights", []),
        ("rights", ["peers:own"]),
        ("owner", "nobody"),
        ("expires_at", 1),
        ("expires_at", 10**15),
        ("networks", ["10.0.0.0/33"]),
        ("networks", ["10.0.0.1"] * 33),
    ],
)
def test_what_is_wrong_is_told_by_field_and_nothing_is_written(db: None, field: str, value: Any) -> None:
    with pytest.raises(InvalidToken) as refused:
        make(**{field: value})
    assert list(refused.value.errors) == [field]
    assert selectors.list_tokens() == []
    assert not AuditEntry.objects.exists()


def test_one_that_is_absent_leaves_all(db: None) -> None:
    kept = make().facts.id
    with pytest.raises(Absent):
        services.revoke_tokens(actor=ALICE, ids=[kept, "none"])
    assert [token.id for token in selectors.list_tokens()] == [kept]


def test_nobody_makes_a_token_that_may_more_than_they_may(db: None) -> None:
    held = frozenset({Right.TOKENS_WRITE, Right.PEERS_READ})
    refuse_excess(rights=["peers:read"], owner="bob", held=held, username="bob")
    with pytest.raises(InvalidToken):
        refuse_excess(rights=["peers:write"], owner="bob", held=held, username="bob")
    for owner in ("", "alice"):
        with pytest.raises(NotYours):
            refuse_excess(rights=["peers:read"], owner=owner, held=held, username="bob")
    with pytest.raises(NotYours):
        refuse_excess(rights=["peers:read"], owner="", held=held, username="")
    refuse_excess(rights=["peers:read"], owner="", held=frozenset(Right), username="bob")


def test_an_address_is_told_in_any_spelling(db: None) -> None:
    v4, v6 = make(networks=["10.1.0.0/16"]).text, make(networks=["2001:db8::/32"]).text
    taken = [isinstance(authenticate(v4, place), Authenticated) for place in ("10.1.2.3", "::ffff:10.1.2.3")]
    taken.append(isinstance(authenticate(v6, "2001:db8::1%eth0"), Authenticated))
    assert taken == [True, True, True]
    for place in ("10.2.0.1", "2001:db9::1", "", "unix"):
        assert authenticate(v4, place) is Refusal.NETWORK


@pytest.mark.django_db(transaction=True)
def test_the_last_use_is_written_once_a_minute_by_another_thread() -> None:
    token, uses = make().facts.id, LastUsed()
    for place in (HERE, "192.0.2.8"):
        uses.note(token, place)
    uses.flush()
    (seen,) = selectors.get_tokens([token])
    assert seen.last_address == HERE
    assert seen.last_used_at is not None
    uses.forget()
    uses.note(token, "192.0.2.8")
    uses.flush()
    assert selectors.get_tokens([token])[0].last_address == "192.0.2.8"


def test_an_owner_bounds_the_rights(db: None) -> None:
    root = User.objects.create_superuser("root")
    text = make(owner="root").text
    root.is_superuser = False
    root.save()
    found = authenticate(text, HERE)
    assert isinstance(found, Authenticated)
    assert found.rights == frozenset()


def test_a_token_is_judged_by_one_look_at_it_and_one_at_its_owner(db: None, django_assert_num_queries: Any) -> None:
    create_user(actor=ALICE, username="bob", role=Role.VIEWER)
    free, bound = make().text, make(owner="bob", rights=["peers:write"]).text
    with django_assert_num_queries(1):
        assert isinstance(authenticate(free, HERE), Authenticated)
    with django_assert_num_queries(2):
        found = authenticate(bound, HERE)
    assert isinstance(found, Authenticated)
    assert found.rights == {Right.PEERS_READ}
