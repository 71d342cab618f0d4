"""The types of the settings' values: each tells what is wrong with a value, and has one spelling for what is right."""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from node.core.address import format_host_port, parse_host_port
from node.core.credentials import check_provider
from node.links.settings import MAX_NODES, LinkSettings, NodeName

HANDLERS = ("alknet/call",)
"""The protocols that this node serves, by their ALPN."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = "expected http://HOST or https://HOST, with a port if need be, and nothing after it"


def _normal_host_port(text: str) -> str:
    return format_host_port(parse_host_port(text))


def absolute(path: Path) -> Path:
    """The path from the root on, ~ resolved. Raises ValueError."""
    if "\0" in str(path):
        raise ValueError("a path has no NUL character in it")
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"nobody here is called {path.parts[0]}") from None


def _split_commas(value: Any) -> Any:
    """A variable of the environment holds a list as text with commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _origin_url(url: str) -> str:
    """The origin as browsers spell it (RFC 6454 §6.2): the panel compares it with theirs letter by letter."""
    try:
        parts = urlsplit(url)
        default = _DEFAULT_PORTS[parts.scheme]
        host, port = parse_host_port(parts.netloc.lower(), default)
    except (KeyError, ValueError):
        raise ValueError(_ORIGIN) from None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(_ORIGIN)
    return f"{parts.scheme}://{format_host_port((host, port)).removesuffix(f':{default}')}"


def _known_handler(name: str) -> str:
    """A service is an ALPN: a name that is none of ours would be given secrets for nothing."""
    if name in HANDLERS:
        return name
    near = difflib.get_close_matches(name, HANDLERS, n=1)
    meant = f"; did you mean “{near[0]}”?" if near else f"; there is {', '.join(f'“{known}”' for known in HANDLERS)}"
    raise ValueError(f"this node serves no protocol of that name{meant}")


def _provider(name: str) -> str:
    if wrong := check_provider(name):
        raise ValueError(" ".join(wrong))
    return name


def _parse_json(value: Any) -> Any:
    """A variable of the environment holds an open table as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ValueError('expected JSON: the whole table as one object, such as {"alknet/call": ["openai"]}') from None


HostPort = Annotated[str, AfterValidator(_normal_host_port)]
"""HOST:PORT in its normal spelling; node.core.address.parse_host_port takes it apart."""
AbsolutePath = Annotated[Path, AfterValidator(absolute)]
Origin = Annotated[str, AfterValidator(_origin_url)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
OpenTable = Annotated[Mapping[str, Any], NoDecode, BeforeValidator(_parse_json)]
"""A table whose keys are names, with anything in it."""

CapabilitySettings = Annotated[
    Mapping[
        Annotated[str, AfterValidator(_known_handler)],
        Annotated[tuple[Annotated[str, AfterValidator(_provider)], ...], Field(max_length=1_000)],
    ],
    NoDecode,
    BeforeValidator(_parse_json),
]
"""Which providers' credentials each protocol may use."""

NodesSettings = Annotated[
    Mapping[NodeName, LinkSettings], Field(max_length=MAX_NODES), NoDecode, BeforeValidator(_parse_json)
]
"""The other nodes that this one is linked to, by name."""
