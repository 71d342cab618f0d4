"""REST: who may use the panel. They are changed in the panel and in the shell, where a person is asked for."""

from typing import Annotated

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from apps.accounts import selectors
from apps.accounts.rights import Right, Role
from apps.rest.answers import Answer
from apps.rest.auth import requires
from apps.rest.pagination import Cursor, Limit, Page, page_of, text_place
from apps.rest.problems import problems

router = Router(tags=["Users"])
_READ = requires(Right.USERS_READ)
_KIND = "users"


class UserOut(BaseModel):
    """A user of the panel."""

    username: str
    role: Role | None
    enabled: bool
    last_login: str | None = Field(description="ISO 8601, in UTC.")


@router.get("", auth=_READ, response=Page[UserOut], summary="List users")
def list_users(
    request: HttpRequest,
    role: Annotated[
        Role | None, Query(description="Only those who have it, or would if they were not disabled.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[UserOut]:
    """Users by name."""
    found = selectors.page_of_users(role=role, after=text_place(_KIND, cursor), limit=limit + 1)
    rows, following = page_of(found, limit=limit, kind=_KIND, key=lambda user: user.username)
    return Page(items=[_model(user) for user in rows], next=following)


@router.get("/{name:username}", auth=_READ, response={200: UserOut, **problems(404)}, summary="Read a user")
def get_user(request: HttpRequest, username: str) -> Answer:
    """One user."""
    return Answer(_model(selectors.get_user(username)))


def _model(user: User) -> UserOut:
    return UserOut(**selectors.user_json(user))
