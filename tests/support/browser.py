"""The panel in a browser tab, driven as a person would: by what is written on it."""

from http.cookies import SimpleCookie

from playwright.sync_api import BrowserContext, Page

PASSWORD = "correct horse battery"


class Panel:
    """One browser tab on the panel. `complaints` collects what its console reports: scripts blocked or broken."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._hear("error", str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {text}")

    def set_up(self, setup_url: str, username: str = "admin") -> None:
        """Follow the set-up link and make the administrator, who is then signed in."""
        self.page.goto(setup_url)
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password", exact=False).first.fill(PASSWORD)
        self.page.get_by_label("Password again").fill(PASSWORD)
        self.page.get_by_role("button", name="Create administrator").click()
        self.page.get_by_text("Recent changes").wait_for()

    def add_peer(self, peer_id: str, *, key: str, scopes: str = "") -> None:
        """Fill the form of a new peer and save it."""
        self.page.goto(f"{self.url}/peers/peer/add/")
        self.page.locator("[name=peer_id]").fill(peer_id)
        self.page.locator("[name=keys]").fill(key)
        self.page.locator("[name=scopes]").fill(scopes)
        self.save()

    def save(self) -> None:
        self.page.get_by_role("button", name="Save", exact=True).click()
        self.page.wait_for_load_state()

    def switch(self, peer_id: str) -> None:
        """Flip the switch of a peer in the list, and save the list."""
        self.page.goto(f"{self.url}/peers/peer/")
        row = self.page.locator("tr", has=self.page.get_by_role("link", name=peer_id, exact=True))
        row.locator("input[type=checkbox][name$=-enabled]").click()
        self.save()
        if (agree := self.page.get_by_role("button", name="Save all the same")).is_visible():
            agree.click()  # it closes connections
            self.page.wait_for_load_state()

    def is_enabled(self, peer_id: str) -> bool:
        self.page.goto(f"{self.url}/peers/peer/")
        row = self.page.locator("tr", has=self.page.get_by_role("link", name=peer_id, exact=True))
        return row.locator("input[type=checkbox][name$=-enabled]").is_checked()


def enter(context: BrowserContext, url: str, cookies: str) -> None:
    """Have the browser be, at this address of the panel, whoever has these cookies there."""
    for cookie in SimpleCookie(cookies).values():
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": url}])


def add_authenticator(page: Page) -> None:
    """A passkey that lies in the browser and confirms whatever it is asked (WebDriver's virtual authenticator)."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
