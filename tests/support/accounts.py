"""Users of the panel, by their role."""

from django.contrib.auth.models import User
from django.test import Client

from apps.accounts.models import Member
from apps.accounts.rights import Role


def add_user(role: Role | None, name: str | None = None, password: str | None = None) -> User:
    """A user who has that role; without one, a guest."""
    user = User.objects.create_user(name or (role.value if role else "guest"), password=password)
    if role is not None:
        Member.objects.create(user=user, role=role.value)
    return user


def desk_of(role: Role | None, name: str | None = None) -> Client:
    """A browser of such a user."""
    client = Client()
    client.force_login(add_user(role, name))
    return client
