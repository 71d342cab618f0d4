"""Every route of REST, for every role: who has its right gets past it, who has not is refused and writes nothing."""

import re

import pytest
from django.test import Client

from apps.accounts.rights import RIGHTS_OF, Right, Role
from tests.apps.rest.test_schema import operations
from tests.support.accounts import add_user
from tests.support.rest import Caller, problem_of, token_with
from tests.support.tables import KEPT_OF_WHOEVER_ASKS, written

ADDRESSES = [
    (method.upper(), re.sub(r"{\w+}", "nothing", path), Right(details["x-right"]))
    for method, path, details in operations()
]


@pytest.mark.parametrize("role", Role)
def test_a_role_gets_where_its_rights_lead(db: None, client: Client, role: Role) -> None:
    client.force_login(add_user(role))
    before = written(besides=KEPT_OF_WHOEVER_ASKS)
    for method, path, right in ADDRESSES:
        answer = client.generic(method, path, b"[]", content_type="application/json")
        assert (answer.status_code == 403) == (right not in RIGHTS_OF[role]), (method, path, answer.content)
        after = written(besides=KEPT_OF_WHOEVER_ASKS)
        assert answer.status_code < 400 or after == before, (method, path)
        before = after


def test_a_token_without_the_right_is_refused_everywhere(db: None) -> None:
    """Of every two rights, the one does not stand in for the other."""
    for method, path, right in ADDRESSES:
        others = [other for other in Right if other != right and other != str(right).replace(":read", ":write")]
        refused = Caller(token_with(*others)).call(method, path.removeprefix("/api/v1"), {})
        assert str(right) in problem_of(refused, 403)["detail"]


def test_a_user_without_a_role_is_nobody(db: None, client: Client) -> None:
    client.force_login(add_user(None))
    before = written(besides=KEPT_OF_WHOEVER_ASKS)
    for method, path, _ in ADDRESSES:
        problem_of(client.generic(method, path, b"{}", content_type="application/json"), 401)  # type: ignore[arg-type]
    assert written(besides=KEPT_OF_WHOEVER_ASKS) == before
