"""Which other nodes this one is linked to: table `nodes` of the settings."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from node.core.address import format_host_port, parse_host_port
from node.core.fingerprint import parse_key
from node.core.peers import check_peer_id

MIB = 1024 * 1024
MAX_NODES = 256
LOCAL = "local"
"""The name under which `services/list-peers` tells of the node itself."""
_MAX_PATTERN = 255
_NAME_RULE = "printable, without spaces and without a slash at either end"


def _node_name(name: str) -> str:
    if wrong := check_peer_id(name):
        raise ValueError(" ".join(wrong))
    if name == LOCAL:
        raise ValueError(f"“{LOCAL}” is this node itself; call the other one something else")
    return name


def _address(text: str) -> str:
    host, port = parse_host_port(text)
    if port == 0:
        raise ValueError("a node is dialled at the port where it listens, and nobody listens on port 0")
    return format_host_port((host, port))


def _part_of_a_name(text: str) -> str:
    """A pattern or a prefix of names, which have no spaces and no leading slash (`registration.check_name`)."""
    unfit = not text.isprintable() or any(char.isspace() for char in text)
    if unfit or not 1 <= len(text) <= _MAX_PATTERN or text.startswith("/") or text.endswith("/"):
        raise ValueError(f"expected 1 to {_MAX_PATTERN} characters, {_NAME_RULE}")
    return text


def _some(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not patterns:
        raise ValueError("nothing is taken unless it is named: write names or patterns, such as [“math/*”]")
    return patterns


def _prefix(text: str) -> str:
    if "*" in text:
        raise ValueError("a prefix is put before names as it is: write it without “*”")
    return _part_of_a_name(text)


class ImportSettings(BaseModel):
    """What is taken of that node's operations, to be composed here. Amounts bound what it can make this node hold."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    operations: Annotated[
        tuple[Annotated[str, AfterValidator(_part_of_a_name)], ...], Field(max_length=1_000), AfterValidator(_some)
    ] = ()
    """Names as that node has them, such as `math/add`; `*` stands for any characters."""
    namespace_prefix: Annotated[str, AfterValidator(_prefix)] | None = None
    """Put before each name, with a slash between: `far` makes `far/math/add` of `math/add`."""
    refresh: float = Field(default=60.0, ge=1, le=86_400)
    """Seconds between two looks at whether that node offers something else by now."""
    timeout: float = Field(default=30.0, gt=0, le=3600)
    """Seconds that an import may take."""
    max_operations: int = Field(default=1024, ge=1, le=65_536)
    """Operations that are taken; a node that has more to take gives nothing."""
    max_schema: int = Field(default=64 * 1024, ge=1024, le=16 * MIB)
    """Bytes of the description of one operation."""
    max_schemas: int = Field(default=4 * MIB, ge=1024, le=64 * MIB)
    """Bytes of all descriptions together."""
    max_output: int = Field(default=64 * MIB, ge=1024, le=64 * MIB)
    """Bytes of one answer of that node."""


class LinkSettings(BaseModel):
    """One other node: dialled where it has an address, else awaited as the peer of this name."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)

    address: Annotated[str, AfterValidator(_address)] | None = None
    """HOST:PORT where that node listens. Without one it is waited for, as the peer of this name."""
    fingerprint: Annotated[str, AfterValidator(parse_key)] | None = None
    """Its key, as `alknet status` shows it there. One that is waited for may be held to it as well."""
    imports: ImportSettings | None = Field(default=None, alias="import")
    """What is taken of its operations. Without it nothing is: the other node may then still import from this one."""

    @model_validator(mode="after")
    def _is_of_use(self) -> Self:
        if self.address is not None and self.fingerprint is None:
            raise ValueError(
                "an address alone proves nothing: set fingerprint to the node's key, which `alknet status` shows there"
            )
        if self.address is None and self.imports is None:
            raise ValueError(
                "this does nothing: set address and fingerprint to dial the node, "
                "or import.operations to take its operations once it has connected"
            )
        return self


NodeName = Annotated[str, AfterValidator(_node_name)]
