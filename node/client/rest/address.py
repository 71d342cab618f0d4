"""Where a panel is: the URL that people give."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from node.client.rest.errors import WrongAddress


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and the path that everything of it begins with. `host` has no brackets."""

    host: str
    port: int
    path: str = ""
    is_tls: bool = True

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_tls else 'http'}://{host}:{self.port}{self.path}"


def parse_address(url: str) -> Address:
    """An https:// URL; http:// for this machine only, since the token would be read on the way. Raises WrongAddress."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise WrongAddress("It is not a URL.") from None
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment:
        raise WrongAddress("Expected a URL such as https://panel.example.")
    if parts.username is not None or parts.password is not None:
        raise WrongAddress("There is no user in the URL: the token says who asks.")
    is_tls = parts.scheme == "https"
    if not is_tls and not _is_here(host):
        raise WrongAddress("http:// is for this machine only: anybody on the way would read the token. Use https://.")
    return Address(host, port or (443 if is_tls else 80), parts.path.rstrip("/").removesuffix("/api/v1"), is_tls)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
