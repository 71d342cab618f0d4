"""The panel over plain HTTP, as a browser speaks it: cookies, the token of each form, redirects."""

import re
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPMessage, HTTPResponse
from http.cookiejar import CookieJar

PASSWORD = "correct horse battery"
SECONDS = 60

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class PanelSession:
    """One person at the panel. `heard` is everything that the panel has sent, headers included."""

    def __init__(self, url: str, *handlers: urllib.request.BaseHandler) -> None:
        self.url = url
        self.heard = bytearray()
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._cookies), _Heard(self), *handlers
        )

    @property
    def cookies(self) -> str:
        """As a browser sends them."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies)

    def set_up(self, link: str, username: str = "admin") -> None:
        """Follow the set-up link and make the administrator, who is then signed in."""
        self.get(link)
        self.post("/setup/", username=username, password1=PASSWORD, password2=PASSWORD)

    def add_peer(self, peer_id: str, *, key: str, scopes: str = "") -> None:
        """Fill the form of a new peer and save it."""
        typed = {"peer_id": peer_id, "enabled": "on", "keys": key, "scopes": scopes, "resources": "{}"}
        page = self.post("/peers/peer/add/", **typed)
        assert "was added successfully" in page, page

    def get(self, path: str) -> str:
        """A page; its status is 200."""
        return self._page(urllib.request.Request(urllib.parse.urljoin(self.url, path)))

    def post(self, path: str, **fields: str) -> str:
        """Fetch the page of a form, send it filled in, and give the page that comes of it."""
        found = _TOKEN.search(self.get(path))
        assert found is not None, f"no form at {path}"
        return self._page(self._filled(path, found[1], fields))

    def download(self, page: str, path: str) -> bytes:
        """What a form of `page` gives, byte by byte."""
        found = _TOKEN.search(self.get(page))
        assert found is not None, f"no form at {page}"
        with self._opener.open(self._filled(path, found[1], {}), timeout=SECONDS) as answer:
            body: bytes = answer.read()
        return body

    def _filled(self, path: str, token: str, fields: dict[str, str]) -> urllib.request.Request:
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        return urllib.request.Request(urllib.parse.urljoin(self.url, path), body, {"Origin": self.url})

    def submit(self, page: str, path: str, **fields: str) -> str:
        """Send a form of `page` that leads to `path`."""
        found = _TOKEN.search(self.get(page))
        assert found is not None, f"no form at {page}"
        return self._page(self._filled(path, found[1], fields))

    def _page(self, request: urllib.request.Request) -> str:
        with self._opener.open(request, timeout=SECONDS) as answer:
            assert isinstance(answer, HTTPResponse)
            body: bytes = answer.read()
        self.heard += body
        return body.decode()


class _Heard(urllib.request.BaseHandler):
    """Notes the headers of every answer, of redirects too."""

    handler_order = 100

    def __init__(self, session: PanelSession) -> None:
        self._session = session

    def http_response(self, _: urllib.request.Request, response: HTTPResponse) -> HTTPResponse:
        headers: HTTPMessage = response.headers
        self._session.heard += headers.as_bytes()
        return response

    https_response = http_response
