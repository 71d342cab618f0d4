"""Peers are filtered, and changed one by one and many at once; what a change takes away is shown before."""

from playwright.sync_api import Page

from tests.support.panel import ssh_line
from tests.support.screens.looking import Looker


def filter_the_list(looker: Looker) -> None:
    panel, page = looker.panel, looker.panel.page
    page.goto(f"{panel.url}/peers/peer/")
    page.get_by_role("button", name="Filters").click()
    looker.look("filters")
    page.goto(f"{panel.url}/peers/peer/?q=lamp&enabled__exact=1")
    page.locator("details.alknet-saved summary").click()
    looker.look("filters-saved")


def be_refused(looker: Looker) -> None:
    """What is wrong with a form is said beside each field; and that somebody else has saved the peer meanwhile."""
    panel, page = looker.panel, looker.panel.page
    panel.add_peer("a name with spaces", key="nonsense", scopes="a b")
    looker.look("not-added")
    page.goto(f"{panel.url}/peers/peer/nas-2/change/")
    with page.context.new_page() as other:
        other.goto(f"{panel.url}/peers/peer/nas-2/change/")
        _save_scopes(other, "fs:write, fs:read, git:read")
    _save_scopes(page, "fs:read")
    looker.look("changed-meanwhile")


def take_rights_away(looker: Looker) -> None:
    """From a peer that is connected, twice: an assertion stands against the first."""
    panel, page = looker.panel, looker.panel.page
    for name, scopes in (("refused-by-an-assertion", "fs:read"), ("saved", "git:read, fs:read")):
        page.goto(f"{panel.url}/peers/peer/laptop/change/")
        _save_scopes(page, scopes)
        looker.look("what-a-save-takes-away")
        page.get_by_role("button", name="Save all the same").click()
        page.wait_for_load_state()
        looker.look(name)


def _save_scopes(page: Page, scopes: str) -> None:
    page.locator("[name=scopes]").fill(scopes)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_load_state()


def change_many(looker: Looker) -> None:
    panel, page = looker.panel, looker.panel.page
    for act, button in (("add_scopes", "Add scopes"), ("disable_peers", "Disable"), ("delete_selected", "Delete")):
        page.goto(f"{panel.url}/peers/peer/?q=lamp")
        for box in page.locator("input.action-select").all():
            box.check()
        if act == "add_scopes":
            looker.look("selected")
        page.select_option("select[name=action]", act)
        page.get_by_role("button", name="Run").click()
        page.get_by_role("button", name=button).last.wait_for()
        if act == "add_scopes":
            page.locator("[name=scopes]").fill("print:color")
            page.locator("#preview strong").wait_for()
        looker.look(f"before-many-{act.replace('_', '-')}")
    page.get_by_role("button", name="Delete").last.click()
    page.wait_for_url("**/peers/peer/**")
    looker.look("many-deleted")


def rotate_a_key(looker: Looker) -> None:
    """The old key holds for a day beside the new one."""
    page = looker.panel.page
    page.goto(f"{looker.panel.url}/peers/peer/desk-3/rotate-key/")
    page.locator("[name=new]").fill(ssh_line("the next of desk-3"))
    looker.look("rotation")
    page.get_by_role("button", name="Rotate key").click()
    page.wait_for_url("**/change/")
    looker.look("rotated")


def lock_a_peer(looker: Looker) -> None:
    """One that is connected."""
    panel, page = looker.panel, looker.panel.page
    page.goto(f"{panel.url}/peers/peer/laptop/lock/")
    page.locator("[name=reason]").fill("a laptop was stolen")
    panel.save()
    page.get_by_role("button", name="Lock", exact=True).wait_for()
    looker.look("what-a-lock-closes")
    page.get_by_role("button", name="Lock", exact=True).click()
    page.wait_for_url("**/locks/lock/")
    looker.look("locked")


def lock_everything(looker: Looker) -> None:
    panel, page = looker.panel, looker.panel.page
    page.goto(f"{panel.url}/locks/lock/everything/")
    page.get_by_label("Type", exact=False).fill("lock all")
    page.get_by_role("button", name="Lock everything").click()
    page.wait_for_load_state()
    looker.look("everything-not-locked")
    page.get_by_label("Type", exact=False).fill("lock everything")
    page.get_by_role("button", name="Lock everything").click()
    page.get_by_text("Everything is locked.").first.wait_for()
    looker.visit("everything-locked", "/")
