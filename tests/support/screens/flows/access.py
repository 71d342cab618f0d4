"""Why a peer may not, and a grant that lets it for a while."""

from tests.support.screens.looking import Looker

QUESTION = "/access/?who=desk-3&alpn=alknet/call&scopes=msg:send"


def grant_what_is_asked(looker: Looker) -> None:
    """The tester's answer to a peer that may not, the grant from there, and the answer then."""
    page = looker.panel.page
    looker.visit("offers-a-grant", QUESTION)
    page.get_by_label("Reason").fill("the drill on Friday")
    page.get_by_role("button", name="Grant for").first.click()
    page.wait_for_load_state()
    looker.look("granted")
    looker.visit("allowed-by-the-grant", QUESTION)


def ask_why_not(looker: Looker) -> None:
    """From the journal's entry of a connection that was refused."""
    page = looker.panel.page
    page.goto(f"{looker.panel.url}/activity/event/?kind=refused")
    page.locator("table.alknet-events a[href*='/activity/event/']").first.click()
    page.get_by_text("Why not?").wait_for()
    looker.look("refused-connection")
    page.get_by_text("Why not?").click()
    page.wait_for_url("**/access/**")
    looker.look("why-not")
