"""Who may change users cannot make themselves more than they are."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from tests.support.panel import audit

PASSWORDS = {"password1": "correct horse battery", "password2": "correct horse battery", "usable_password": "true"}
RIGHTS = {"is_staff": "on", "is_superuser": "on", "is_active": "on"}


@pytest.fixture
def helper(db: None) -> User:
    """Somebody with every permission on users and groups, who is no superuser."""
    user = User.objects.create_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    return user


@pytest.fixture
def desk(client: Client, helper: User) -> Client:
    client.force_login(helper)
    return client


def form(user: User, **fields: Any) -> dict[str, Any]:
    return {"username": user.username, "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", **fields}


def rights(user: User) -> tuple[bool, bool, int, int]:
    user.refresh_from_db()
    return user.is_superuser, user.is_staff, user.groups.count(), user.user_permissions.count()


def test_nobody_gives_rights_but_a_superuser(desk: Client, helper: User) -> None:
    other, group = User.objects.create_user("other"), Group.objects.create(name="keepers")
    every = [permission.pk for permission in Permission.objects.all()]
    for user in (helper, other):
        before = rights(user)
        sent = form(user, **RIGHTS, first_name="New", groups=[group.pk], user_permissions=every)
        assert desk.post(f"/auth/user/{user.pk}/change/", sent).status_code == 302
        assert rights(user) == before
        assert user.first_name == "New", "the rest of a user is theirs to change"


def test_a_superuser_is_out_of_reach(desk: Client, admin_user: User) -> None:
    hashed = admin_user.password
    url = f"/auth/user/{admin_user.pk}"

    assert desk.post(f"{url}/change/", form(admin_user, username="mallory")).status_code == 403
    assert desk.post(f"{url}/password/", PASSWORDS).status_code == 403
    assert desk.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
    desk.post("/auth/user/", {"action": "delete_selected", "_selected_action": [admin_user.pk], "post": "yes"})
    admin_user.refresh_from_db()
    assert (admin_user.username, admin_user.password) == ("admin", hashed)
    assert desk.get(f"{url}/change/").status_code == 200, "to look is allowed"


def test_a_group_is_changed_by_superusers_only(desk: Client) -> None:
    group = Group.objects.create(name="keepers")
    every = [permission.pk for permission in Permission.objects.all()]

    assert desk.post(f"/auth/group/{group.pk}/change/", {"name": "x", "permissions": every}).status_code == 403
    assert desk.post("/auth/group/add/", {"name": "new", "permissions": every}).status_code == 403
    assert desk.post(f"/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 403
    assert desk.get("/auth/group/").status_code == 200
    assert list(Group.objects.values_list("name", flat=True)) == ["keepers"]


def test_a_new_user_has_no_rights(desk: Client) -> None:
    assert desk.post("/auth/user/add/", {"username": "new", **PASSWORDS, **RIGHTS}).status_code == 302
    assert rights(User.objects.get(username="new")) == (False, False, 0, 0)


def test_a_superuser_gives_rights(panel: Client) -> None:
    other = User.objects.create_user("other")
    panel.post(f"/auth/user/{other.pk}/change/", form(other, **RIGHTS))

    assert rights(other)[:2] == (True, True)
    assert audit() == [("admin", "user.changed", "other")]
