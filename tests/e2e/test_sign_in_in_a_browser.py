"""Signing in with a passkey and with codes in a real browser, and what is asked on the way."""

import re

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect

from tests.support.browser import PASSWORD, Panel, add_authenticator
from tests.support.kept_web import KeptWeb
from tests.support.screens.looking import Looker
from tests.support.web import Web

pytestmark = pytest.mark.browser


@pytest.fixture
def panel(page: Page, web: Web, kept_web: KeptWeb) -> Panel:
    """By its name: WebAuthn takes no address."""
    url = web.url.replace("127.0.0.1", "localhost")
    kept_web.sign_in(page.context, url)
    return Panel(page, url)


def sign_out(panel: Panel) -> None:
    panel.page.goto(f"{panel.url}/account/logout/")
    panel.page.get_by_role("button", name="Sign Out").click()
    panel.page.wait_for_url("**/account/login/")


def test_a_passkey_signs_in_alone(panel: Panel) -> None:
    page = panel.page
    add_authenticator(page)
    page.goto(f"{panel.url}/account/2fa/passkeys/add/")
    page.get_by_label("Name").fill("This laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("Unused codes")).to_be_visible()
    page.goto(f"{panel.url}/account/2fa/passkeys/")
    expect(page.get_by_role("row", name="This laptop")).to_contain_text("yes, a passkey")
    sign_out(panel)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{panel.url}/")
    expect(page.get_by_text("Recent changes")).to_be_visible()

    sign_out(panel)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url(f"{panel.url}/")
    assert panel.complaints == []


def test_an_app_is_added_and_then_asked_for(panel: Panel) -> None:
    page, looker = panel.page, Looker(panel, None)
    page.goto(f"{panel.url}/account/2fa/app/")
    secret = page.locator("#authenticator_secret").input_value()
    assert re.fullmatch("[A-Z2-7]+", secret)
    page.get_by_label("Code").fill(
        format_hotp_value(hotp_value(secret, page.evaluate("Math.floor(Date.now() / 30000)")))
    )
    page.get_by_role("button", name="Activate").click()
    page.get_by_label("I have saved").check()
    looker.visit("codes", "/account/2fa/recovery-codes/")
    sign_out(panel)
    looker.look("sign-in")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/account/2fa/authenticate/")
    looker.look("second-factor")
    assert (looker.wrong, panel.complaints) == ({}, [])
