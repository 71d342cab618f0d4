"""The set-up, second factors, and signing in with each of them."""

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.support.browser import PASSWORD, add_authenticator
from tests.support.screens.looking import Looker


def look_at_empty_lists(looker: Looker) -> None:
    """Where the side bar leads before anything is there."""
    page = looker.panel.page
    links = page.locator("#nav-sidebar-apps a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    for path in links:
        looker.visit(f"empty-{path.strip('/').replace('/', '-') or 'dashboard'}", path)


def add_factors(looker: Looker) -> tuple[str, str]:
    """An app and a passkey; the secret of the app, and a recovery code."""
    panel, page = looker.panel, looker.panel.page
    page.goto(f"{panel.url}/account/2fa/app/")
    secret = page.locator("#authenticator_secret").input_value()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Activate").click()
    page.wait_for_load_state()
    looker.look("app-wrong-code")
    _enter_code(looker, secret)
    page.get_by_role("button", name="Activate").click()
    page.get_by_label("I have saved").wait_for()
    code = page.get_by_label("Unused codes").input_value().split()[0]
    looker.look("recovery-codes-once")
    page.get_by_label("I have saved").check()
    _add_passkey(looker)
    return secret, code


def _add_passkey(looker: Looker) -> None:
    panel, page = looker.panel, looker.panel.page
    add_authenticator(page)
    page.goto(f"{panel.url}/account/2fa/passkeys/add/")
    page.get_by_label("Name").fill("This laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: "/add/" not in url)
    looker.visit("passkeys", "/account/2fa/passkeys/")
    for link in ("Rename", "Remove"):
        page.goto(f"{panel.url}/account/2fa/passkeys/")
        page.get_by_role("link", name=link).click()
        page.wait_for_load_state()
        looker.look(f"passkey-{link.lower()}")
    for name in ("2fa/", "2fa/app/remove/", "2fa/recovery-codes/", "2fa/recovery-codes/generate/", "reauthenticate/"):
        looker.visit(f"with-factors-{name.strip('/').replace('/', '-')}", f"/account/{name}")


def _enter_code(looker: Looker, secret: str) -> None:
    page = looker.panel.page
    page.get_by_label("Code").fill(
        format_hotp_value(hotp_value(secret, page.evaluate("Math.floor(Date.now() / 30000)")))
    )


def sign_in_by_each(looker: Looker, secret: str, code: str) -> None:
    """By a password with a recovery code, and a security key, and the app; and by the passkey alone."""
    panel, page = looker.panel, looker.panel.page
    looker.visit("sign-out", "/account/logout/")
    sign_out(looker)
    looker.look("sign-in")
    enter(looker, "admin", "not the password")
    looker.look("sign-in-refused")
    enter(looker, "admin")
    page.wait_for_url("**/account/2fa/authenticate/")
    looker.look("second-factor")
    page.get_by_label("Code").fill("000000")
    page.get_by_label("Code").press("Enter")
    page.locator(".errornote, [role=alert], .text-red-600").first.wait_for()
    looker.look("second-factor-refused")
    page.get_by_label("Code").fill(code)
    page.get_by_label("Code").press("Enter")
    page.wait_for_url(f"{panel.url}/")
    looker.look("signed-in-by-recovery-code")
    sign_out(looker)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{panel.url}/")
    looker.look("signed-in-by-passkey")
    sign_out(looker)
    enter(looker, "admin")
    _enter_code(looker, secret)
    page.get_by_label("Code").press("Enter")
    page.wait_for_url(f"{panel.url}/")
    looker.look("signed-in-by-app")


def sign_out(looker: Looker) -> None:
    page = looker.panel.page
    page.goto(f"{looker.panel.url}/account/logout/")
    page.get_by_role("button", name="Sign Out").click()
    page.wait_for_url("**/account/login/")


def enter(looker: Looker, name: str, password: str = PASSWORD) -> None:
    """Fill the form for signing in, which is open, and send it."""
    page = looker.panel.page
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_load_state()


def prove_it_anew(looker: Looker) -> None:
    """Before an act that takes a fresh proof, which there is no longer."""
    page = looker.panel.page
    page.goto(f"{looker.panel.url}/auth/user/add/")
    page.wait_for_url("**/account/reauthenticate/**")
    looker.look("asked-to-confirm")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_load_state()
    looker.look("not-confirmed")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/auth/user/add/")
    looker.look("confirmed")
