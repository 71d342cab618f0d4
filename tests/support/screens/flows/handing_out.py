"""Secrets that are shown once, invitations, and machines that come with one or without."""

from tests.support.screens.filling import LONG
from tests.support.screens.looking import Looker


def show_secrets_once(looker: Looker) -> None:
    panel, page = looker.panel, looker.panel.page
    page.goto(f"{panel.url}/peers/peer/{LONG}/issue-token/")
    page.get_by_role("button", name="Issue token").click()
    page.locator("#secret").wait_for()
    looker.look("peer-token-once")
    page.goto(f"{panel.url}/peers/apikey/add/")
    page.locator("[name=scopes]").fill("fs:read")
    panel.save()
    page.locator("#secret").wait_for()
    looker.look("api-key-once")
    page.goto(f"{panel.url}/tokens/apitoken/add/")
    panel.save()
    looker.look("api-token-refused")
    page.locator("[name=name]").fill("backup-script")
    page.get_by_label("peers:read").check()
    panel.save()
    page.locator("#secret").wait_for()
    looker.look("api-token-once")


def invite(looker: Looker) -> None:
    """To be approved, and admitted at once: the page says what follows."""
    panel, page = looker.panel, looker.panel.page
    for name in ("invitation", "invitation-without-approval"):
        page.goto(f"{panel.url}/enrolment/invite/add/")
        page.locator("[name=scopes]").fill("fs:read")
        page.locator("[name=needs_approval]").set_checked(name == "invitation")
        panel.save()
        page.locator("#code").wait_for()
        looker.look(name)


def admit(looker: Looker) -> None:
    """One of two machines that wait is approved, the other not; a key that nobody knew becomes a peer."""
    panel, page = looker.panel, looker.panel.page
    looker.visit("claims", "/enrolment/claim/")
    page.locator(".alknet-claim").first.get_by_role("button", name="Approve").click()
    page.get_by_text("is a peer now.").wait_for()
    page.locator(".alknet-claim").get_by_role("button", name="Refuse").click()
    page.get_by_text("The claim is declined.").wait_for()
    looker.look("claims-decided")
    page.goto(f"{panel.url}/enrolment/stranger/")
    page.locator("summary").first.click()
    looker.look("unknown-keys")
    page.locator(".alknet-strangers input[name=peer_id]").first.fill("the-new-kiosk")
    page.get_by_role("button", name="Admit", exact=True).first.click()
    page.get_by_text("is a peer now.").wait_for()
    looker.look("unknown-key-admitted")
