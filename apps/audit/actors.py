"""Who makes a change."""

from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser


class ActorKind(StrEnum):
    """By which door a change came in."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - the word for one, not one
    CLI = "cli"
    NODE = "node"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """One who changes things.

    A user of the panel, the holder of a token, a person at the command line, a node, or the appliance itself.
    """

    kind: ActorKind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind is ActorKind.USER else f"{self.name} ({self.kind})"


SYSTEM = Actor(ActorKind.SYSTEM, "alknet")


def user_actor(user: AbstractBaseUser | AnonymousUser) -> Actor:
    """The user of the panel who sent the request."""
    return Actor(ActorKind.USER, user.get_username())
