"""Users and their roles: by the services, the panel and the command; and what is refused."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from apps.accounts import services
from apps.accounts.errors import InvalidUser, LastOwner, NoSuchUser, OwnAccount, Refused
from apps.accounts.rights import Role
from apps.accounts.selectors import find_user, role_name
from apps.audit.actors import Actor, ActorKind
from apps.audit.models import AuditEntry
from tests.support.accounts import add_user
from tests.support.panel import ALICE, audit
from tests.support.signing_in import sign_in, with_app

PASSWORD = "correct horse battery"
LIST = "/auth/user/"

pytestmark = pytest.mark.django_db


def role(name: str) -> tuple[str | None, bool]:
    user = find_user(name)
    assert user is not None
    return role_name(user), user.is_active


def last() -> Any:
    return AuditEntry.objects.latest("pk")


def test_a_user_from_beginning_to_end_leaves_a_row_for_each_step() -> None:
    add_user(Role.OWNER)
    services.create_user(actor=ALICE, username="bob", role=Role.VIEWER, password=PASSWORD)
    services.change_user(actor=ALICE, username="bob", role=Role.OPERATOR)
    assert (last().before, last().after) == ({"role": "viewer"}, {"role": "operator"})
    services.change_user(actor=ALICE, username="bob", role=Role.OPERATOR)
    services.change_user(actor=ALICE, username="bob", enabled=False)
    services.set_password(actor=ALICE, username="bob", password=PASSWORD * 2)
    assert last().after == {"password": "set"}
    services.remove_users(actor=ALICE, usernames=["bob"])
    assert last().before == {"role": "operator", "enabled": False}
    did = ["user.added", "user.changed", "user.changed", "user.changed", "user.removed"]
    assert audit() == [("alice", action, "bob") for action in did]
    assert PASSWORD not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("name", "password", "field"),
    [("not a name!", PASSWORD, "username"), ("owner", PASSWORD, "username"), ("bob", "12345678", "password")],
)
def test_a_wrong_user_is_refused_and_nothing_is_written(name: str, password: str, field: str) -> None:
    add_user(Role.OWNER)
    with pytest.raises(InvalidUser) as refused:
        services.create_user(actor=ALICE, username=name, role=Role.VIEWER, password=password)
    assert list(refused.value.errors) == [field]
    assert (User.objects.count(), audit()) == (1, [])


def test_the_last_owner_stays() -> None:
    add_user(Role.OWNER)
    add_user(Role.OPERATOR)
    for change in ({"role": Role.OPERATOR}, {"role": None}, {"enabled": False}):
        with pytest.raises(LastOwner):
            services.change_user(actor=ALICE, username="owner", **change)
    with pytest.raises(LastOwner):
        services.remove_users(actor=ALICE, usernames=["operator", "owner"])
    assert (role("owner"), role("operator"), audit()) == (("owner", True), ("operator", True), [])


def test_of_two_owners_one_may_go_and_a_disabled_one_does_not_count() -> None:
    add_user(Role.OWNER)
    add_user(Role.OWNER, "second")
    services.change_user(actor=ALICE, username="second", enabled=False)
    with pytest.raises(LastOwner):
        services.remove_users(actor=ALICE, usernames=["owner"])
    services.remove_users(actor=ALICE, usernames=["second"])


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_demote_each_other_at_once_one_stays() -> None:
    names = ["first", "second"]
    for name in names:
        add_user(Role.OWNER, name)
    gate = threading.Barrier(2)

    def demote(by: str, whom: str) -> None:
        gate.wait()
        try:
            services.change_user(actor=Actor(ActorKind.USER, by), username=whom, role=Role.VIEWER)
        except LastOwner:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(role(name)[0]) for name in names) == ["owner", "viewer"]


def test_nobody_changes_themselves() -> None:
    add_user(Role.OWNER)
    add_user(Role.OWNER, "me")
    me = Actor(ActorKind.USER, "me")
    for attempt in (
        lambda: services.change_user(actor=me, username="me", role=Role.VIEWER),
        lambda: services.change_user(actor=me, username="me", enabled=False),
        lambda: services.remove_users(actor=me, usernames=["me"]),
    ):
        with pytest.raises(OwnAccount):
            attempt()
    assert (role("me"), audit()) == (("owner", True), [])


def test_whoever_is_not_there_is_named() -> None:
    with pytest.raises(NoSuchUser, match="There is no user bob"):
        services.change_user(actor=ALICE, username="bob", role=None)
    assert issubclass(NoSuchUser, Refused)


def test_a_superuser_can_be_given_a_lower_role(admin_user: User) -> None:
    add_user(Role.OWNER)
    services.change_user(actor=ALICE, username="admin", role=Role.VIEWER)
    assert role("admin") == ("viewer", True)


def new(name: str, **fields: Any) -> dict[str, Any]:
    return {"username": name, "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true", **fields}


def test_the_panel_does_the_same(panel: Client) -> None:
    assert panel.post(f"{LIST}add/", new("bob", role="viewer")).status_code == 302
    bob = User.objects.get(username="bob")
    assert Client().login(username="bob", password=PASSWORD)
    page = f"{LIST}{bob.pk}"
    assert 'value="viewer" selected' in panel.get(f"{page}/change/").content.decode()
    panel.post(f"{page}/change/", {"role": "auditor", "is_active": "on"})
    assert role("bob") == ("auditor", True)
    panel.post(f"{page}/change/", {"role": "auditor", "is_active": "on"})
    panel.post(f"{page}/change/", {"role": "auditor"})
    assert role("bob") == ("auditor", False)
    twice = {"password1": PASSWORD * 2, "password2": PASSWORD * 2, "usable_password": "true"}
    panel.post(f"{page}/password/", twice)
    panel.post(f"{page}/delete/", {"post": "yes"})
    assert [action for _, action, _ in audit()] == ["user.added", *["user.changed"] * 3, "user.removed"]
    assert PASSWORD not in str(list(AuditEntry.objects.values()))


def test_a_name_is_not_changed_and_a_superuser_is_not_made(panel: Client) -> None:
    bob = add_user(Role.VIEWER, "bob")
    sent = {"username": "mallory", "role": "viewer", "is_active": "on", "is_superuser": "on", "is_staff": "on"}
    panel.post(f"{LIST}{bob.pk}/change/", sent)
    bob.refresh_from_db()
    assert (bob.username, bob.is_superuser, audit()) == ("bob", False, [])


def test_ones_own_page_has_no_role_to_choose(panel: Client, admin_user: User) -> None:
    add_user(Role.OWNER)
    page = f"{LIST}{admin_user.pk}"
    assert 'name="role"' not in panel.get(f"{page}/change/").content.decode()
    panel.post(f"{page}/change/", {"role": "viewer"})
    assert panel.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    everybody = list(User.objects.values_list("pk", flat=True))
    panel.post(LIST, {"action": "delete_selected", "_selected_action": everybody, "post": "yes"})
    assert (role("admin"), role("owner"), audit()) == (("owner", True), ("owner", True), [])


def test_several_are_removed_from_the_list(panel: Client) -> None:
    names = [add_user(Role.VIEWER, name).pk for name in ("bob", "carol")]
    panel.post(LIST, {"action": "delete_selected", "_selected_action": names, "post": "yes"})
    assert audit() == [("admin", "user.removed", "bob"), ("admin", "user.removed", "carol")]


def test_an_owner_ends_sessions_and_resets_second_factors_after_a_question(panel: Client) -> None:
    bob, browser = add_user(Role.VIEWER, "bob", PASSWORD), Client()
    sign_in(browser, "bob")
    with_app(bob)
    for path, asked, did in (
        ("end-sessions", "Every browser", "user.sessions_ended"),
        ("reset-second-factors", "recovery codes are taken away", "user.second_factors_reset"),
    ):
        assert asked in panel.get(f"{LIST}{bob.pk}/{path}/").content.decode()
        assert audit()[-1][1] != did
        panel.post(f"{LIST}{bob.pk}/{path}/")
        assert audit()[-1] == ("admin", did, "bob")
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize(("query", "names"), [("owner", ["admin", "owner"]), ("viewer", ["bob"]), ("none", ["eve"])])
def test_the_list_is_filtered_by_role(panel: Client, query: str, names: list[str]) -> None:
    add_user(Role.OWNER)
    add_user(Role.VIEWER, "bob")
    add_user(None, "eve")
    found = panel.get(f"{LIST}?role={query}").context["cl"].queryset
    assert sorted(user.username for user in found) == names
