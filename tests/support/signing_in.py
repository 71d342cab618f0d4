"""Signing in to the panel as people do, through its pages."""

import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User
from django.test import Client

PASSWORD = "correct horse battery"
LOGIN = "/account/login/"


def sign_in(client: Client, name: str, password: str = PASSWORD, **more: Any) -> Any:
    """Send the form of the sign-in page; `more` are further fields of it."""
    return client.post(LOGIN, {"login": name, "password": password, **more})


def with_app(user: User) -> str:
    """Give a user an authenticator app; its secret."""
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code(secret: str, steps: int = 0) -> str:
    """What the app shows now, or so many half minutes later."""
    shown: str = format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))
    return shown


def factors(user: User) -> list[str]:
    return sorted(Authenticator.objects.filter(user=user).values_list("type", flat=True))
