"""A form of a page as a browser sends it: each field with the value that it shows."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

Fields = dict[str, Any]


class _Forms(HTMLParser):
    """The fields of each form of a page that is sent by POST."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Fields] = []
        self._open = False
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        name = told.get("name") or ""
        if tag == "form":
            self._open = (told.get("method") or "").lower() == "post"
            self.forms += [{}] if self._open else []
        elif not self._open or (tag != "option" and not name):
            return
        elif tag == "input" and (told.get("type") not in ("checkbox", "radio") or "checked" in told):
            ticked = told.get("type") == "checkbox"
            self._put(name, told.get("value") or ("on" if ticked else ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in told or self._select not in self.forms[-1]):
            self.forms[-1][self._select] = told.get("value") or ""
        elif tag == "textarea":
            self._area = name
            self.forms[-1][name] = ""

    def _put(self, name: str, value: str) -> None:
        had = self.forms[-1].get(name)
        self.forms[-1][name] = value if had is None else [*(had if isinstance(had, list) else [had]), value]

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "form"
        self._select = "" if tag == "select" else self._select
        self._area = "" if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1][self._area] += data.removeprefix("\n")


def forms_of(page: str) -> list[Fields]:
    """The fields of every form that is sent by POST, in the order of the page."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms


def send(client: Client, path: str, **typed: Any) -> Any:
    """Fill in the form of a page that has these fields, and send it; sent again where it asks whether to."""
    page = client.get(path)
    shown = forms_of(page.content.decode()) if page.status_code == 200 else []
    form = next((one for one in reversed(shown) if typed.keys() <= one.keys()), {})
    answer = client.post(path, form | typed)
    asked = [one for one in forms_of(answer.content.decode()) if one.keys() & {"agreed", "digest"}]
    if answer.status_code == 200 and asked:
        answer = client.post(path, asked[0] | ({"post": "yes"} if "digest" in asked[0] else {}))
    return answer
