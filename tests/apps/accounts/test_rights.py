"""The table of roles and rights, and what follows from it for Django."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission, User
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.permissions import DJANGO_PERMISSIONS
from apps.accounts.rights import RIGHTS_OF, Right, Role, granted
from apps.accounts.selectors import rights_of, role_of
from tests.support.accounts import add_user

TABLE = {
    "peers:read": "owner operator auditor viewer",
    "peers:write": "owner operator",
    "api_keys:read": "owner operator auditor",
    "api_keys:write": "owner operator",
    "credentials:read": "owner operator auditor",
    "credentials:write": "owner operator",
    "locks:read": "owner operator auditor viewer",
    "locks:write": "owner operator",
    "invites:read": "owner operator auditor",
    "invites:write": "owner operator",
    "access:read": "owner operator auditor viewer",
    "access:write": "owner operator",
    "grants:read": "owner operator auditor viewer",
    "grants:write": "owner operator",
    "forwarding:read": "owner operator auditor",
    "forwarding:write": "owner operator",
    "activity:read": "owner operator auditor viewer",
    "connections:cut": "owner operator",
    "audit:read": "owner operator auditor",
    "audit:sign": "owner operator auditor",
    "backups:read": "owner operator auditor",
    "backups:write": "owner operator",
    "backups:restore": "owner",
    "status:read": "owner operator auditor viewer",
    "tokens:read": "owner operator auditor",
    "tokens:write": "owner operator",
    "users:read": "owner operator auditor",
    "users:write": "owner",
    "settings:read": "owner operator auditor",
}
"""Written down a second time, right by right, so that a slip in the first is seen."""


def test_the_table() -> None:
    found = {right: " ".join(role for role in Role if right in RIGHTS_OF[role]) for right in Right}
    assert found == TABLE


def test_the_documented_table_is_the_same() -> None:
    page = (Path(__file__).parents[3] / "docs" / "accounts.md").read_text()
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")
    ]
    names = [role.value for role in Role]
    told = {row[0]: " ".join(name for name, cell in zip(names, row[1:], strict=False) if cell) for row in rows}
    assert {name: told.get(name) for name in TABLE} == TABLE


def test_whoever_may_write_may_read() -> None:
    for rights in RIGHTS_OF.values():
        assert granted(rights) == rights


@given(st.lists(st.sampled_from([*Right, "peers", "peers:", ":read", "PEERS:READ", "*", ""])))
def test_what_is_granted_by_names(names: list[str]) -> None:
    found = granted(names)
    assert {name for name in names if ":" in name and name in TABLE} <= found
    assert all(right in names or f"{right.split(':')[0]}:write" in names for right in found)


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
def test_django_is_told_what_the_table_says(role: Role) -> None:
    user = add_user(role)
    assert {name for name in DJANGO_PERMISSIONS if user.has_perm(name)} == user.get_all_permissions()
    assert {DJANGO_PERMISSIONS[name] for name in user.get_all_permissions()} <= RIGHTS_OF[role]
    assert user.has_perms(["peers.view_peer", "activity.view_event"])
    assert user.has_module_perms("peers")
    assert user.has_perm("auth.delete_user") == (role is Role.OWNER)
    for unknown in ("auth.view_group", "peers.fly_peer", "peers", ""):
        assert not user.has_perm(unknown)


@pytest.mark.django_db
def test_what_django_itself_knows_of_rights_gives_none() -> None:
    """The staff flag, groups and single permissions."""
    user = User.objects.create_user("helper", is_staff=True)
    group = Group.objects.create(name="keepers")
    group.permissions.set(Permission.objects.all())
    user.groups.add(group)
    user.user_permissions.set(Permission.objects.all())
    assert (role_of(user), rights_of(user), user.get_all_permissions()) == (None, frozenset(), set())
    assert not user.has_perm("peers.view_peer")


@pytest.mark.django_db
def test_a_superuser_is_an_owner_and_a_disabled_one_is_nobody(admin_user: User) -> None:
    assert (role_of(admin_user), rights_of(admin_user)) == (Role.OWNER, set(Right))
    admin_user.is_active = False
    assert (role_of(admin_user), rights_of(admin_user)) == (None, frozenset())
