"""Users over REST, to be read."""

import json

from apps.accounts.rights import Role
from tests.support.accounts import add_user
from tests.support.rest import Caller, problem_of


def test_users_are_listed_by_name_and_role_without_secrets(api: Caller) -> None:
    for name, role in (("ann", Role.OWNER), ("bob", Role.VIEWER), ("eve", None)):
        add_user(role, name, "correct horse battery")
    whole = api.get("/users")
    assert b"correct" not in whole.content
    assert b"pbkdf2" not in whole.content
    assert [(one["username"], one["role"]) for one in json.loads(whole.content)["items"]] == [
        ("ann", "owner"),
        ("bob", "viewer"),
        ("eve", None),
    ]
    page = json.loads(api.get("/users?limit=1&role=viewer").content)
    assert ([one["username"] for one in page["items"]], page["next"]) == (["bob"], None)
    assert json.loads(api.get("/users/bob").content)["enabled"] is True
    problem_of(api.get("/users/nobody"), 404)
    problem_of(api.get("/users?role=king"), 422)
    problem_of(api.call("DELETE", "/users/bob"), 405)
