"""Signing in with a passkey and with codes in a real browser, and how the pages of one's account look."""

import re
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect

from tests.support.axe import violations
from tests.support.browser import PASSWORD, Panel, add_authenticator
from tests.support.kept_web import KeptWeb
from tests.support.web import Web

pytestmark = pytest.mark.browser

THEME = "#changelist-search, #changelist-form thead, #submit-row, #page > div > .absolute"
"""Parts of these pages that the theme makes."""
PAGES = {
    "sign-in": "/account/login/",
    "factors": "/account/2fa/",
    "app": "/account/2fa/app/",
    "passkeys": "/account/2fa/passkeys/",
    "passkey": "/account/2fa/passkeys/add/",
    "sessions": "/account/sessions/",
    "password": "/account/password/change/",
    "confirm": "/account/reauthenticate/",
    "users": "/auth/user/",
    "user": "/auth/user/1/change/",
    "new-user": "/auth/user/add/",
}


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


def test_the_pages_of_ones_account(panel: Panel, request: pytest.FixtureRequest) -> None:
    pictures = request.config.getoption("--pictures")
    page, wrong = panel.page, []
    for name, path in PAGES.items():
        if name == "sign-in":
            continue
        wrong += look(panel, name, path, pictures)
    page.goto(f"{panel.url}/account/2fa/app/")
    secret = page.locator("#authenticator_secret").input_value()
    assert re.fullmatch("[A-Z2-7]+", secret)
    page.get_by_label("Code").fill(
        format_hotp_value(hotp_value(secret, page.evaluate("Math.floor(Date.now() / 30000)")))
    )
    page.get_by_role("button", name="Activate").click()
    page.get_by_label("I have saved").check()
    wrong += look(panel, "codes", "/account/2fa/recovery-codes/", pictures)
    sign_out(panel)
    wrong += look(panel, "sign-in", "/account/login/", pictures)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/account/2fa/authenticate/")
    wrong += look(panel, "second-factor", "/account/2fa/authenticate/", pictures)
    assert (wrong, panel.complaints) == ([], [])


def look(panel: Panel, name: str, path: str, pictures: str | None) -> list[str]:
    """What is wrong with a page: on a phone in the dark and a desk in the light; with --pictures in all four ways."""
    page, wrong = panel.page, []
    for width, usual in ((375, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark") if pictures else (usual,):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # one of its words
            page.goto(panel.url + path)
            extra = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            wrong += [f"{name} is {extra} wider than {width}"] if extra > 0 else []
            if pictures or width == 1280:
                found = violations(page, within="#main" if page.locator("#main").count() else "#page", without=THEME)
                wrong += [f"{name} {width} {scheme}: {one}" for one in found]
            if pictures:
                page.screenshot(path=Path(pictures) / f"account-{name}-{width}-{scheme}.png")
    return wrong
