"""A request that is sent again with its Idempotency-Key is done once."""

import json
from typing import Any

import pytest
from django.db import connection

from apps.rest import idempotency
from apps.rest.models import KeptAnswer
from tests.support.panel import audit
from tests.support.rest import Caller, problem_of, token_with

KEY: dict[str, Any] = {"Idempotency_Key": "4f1c"}


def test_it_is_answered_alike_and_done_once(api: Caller) -> None:
    first = api.call("POST", "/api-keys", {"description": "backup"}, **KEY)
    again = api.call("POST", "/api-keys", {"description": "backup"}, **KEY)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert [action for _, action, _ in audit()] == ["api_key.added"]


def test_the_secret_that_was_told_is_not_in_the_database(api: Caller) -> None:
    key = json.loads(api.call("POST", "/api-keys", {}, **KEY).content)["key"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM rest_kept_answers")
        (row,) = cursor.fetchall()
    assert key.encode() not in b"".join(part if isinstance(part, bytes) else str(part).encode() for part in row)
    assert KEY["Idempotency_Key"] not in str(row)


def test_another_request_under_the_same_key_is_refused(api: Caller) -> None:
    api.call("POST", "/api-keys", {"description": "backup"}, **KEY)
    problem_of(api.call("POST", "/api-keys", {"description": "other"}, **KEY), 422)
    problem_of(api.call("POST", "/api-keys", {}, Idempotency_Key="a b"), 400)
    assert len(audit()) == 1


def test_the_key_of_another_caller_is_another_key(api: Caller) -> None:
    other = Caller(token_with())
    assert api.call("POST", "/api-keys", {}, **KEY).content != other.call("POST", "/api-keys", {}, **KEY).content


def test_a_refusal_is_not_kept(api: Caller) -> None:
    problem_of(api.call("POST", "/api-keys", {"scopes": ["a b"]}, **KEY), 422)
    assert api.call("POST", "/api-keys", {"scopes": ["a"]}, **KEY).status_code == 201


def test_answers_give_way_with_time_and_number(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_PER_CALLER", 3)
    for number in range(5):
        api.call("POST", "/api-keys", {}, Idempotency_Key=str(number))
    assert KeptAnswer.objects.count() == 3
    KeptAnswer.objects.update(kept_at=0)
    assert "Idempotency-Replayed" not in api.call("POST", "/api-keys", {}, Idempotency_Key="4")
    assert KeptAnswer.objects.count() == 1
