"""Settings of SSH, section `ssh` of the settings."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_settings import NoDecode

from node.core.address import parse_host_port
from node.core.fingerprint import KeyFormatError, parse_key
from node.core.live import RESTART

MIB = 1024 * 1024


def _split_commas(value: Any) -> Any:
    """A list in the environment has commas."""
    return tuple(part for part in map(str.strip, value.split(",")) if part) if isinstance(value, str) else value


class SshSettings(BaseModel):
    """Who signs in how, what may be run and as whom, and how much of everything there may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: Annotated[bool, RESTART] = Field(default=False, description="Whether the node serves alknet/ssh.")
    listen: Annotated[str, RESTART] = Field(
        default="",
        max_length=300,
        description="TCP address, as HOST:PORT, at which SSH is served to programs that know no QUIC; where none is "
        "named there is none.",
    )
    tcp_connections: Annotated[int, RESTART] = Field(
        default=500, ge=1, le=100_000, description="Connections of that TCP port at a time."
    )
    tcp_connections_per_address: Annotated[int, RESTART] = Field(
        default=20, ge=1, le=100_000, description="The same of one IPv4 address, or one /64 of IPv6."
    )
    host_key: Annotated[str, RESTART] = Field(
        default="",
        max_length=4096,
        description="File of the SSH host key, an Ed25519 key of mode 0600; where none is named, the vault derives it.",
    )
    cert_authorities: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas), RESTART] = Field(
        default=(),
        max_length=100,
        description="Authorities whose OpenSSH user certificates sign in the peer that they name as a principal, each "
        "an Ed25519 public key in any spelling. Who has such an authority's private key can be every peer.",
    )
    programs: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = Field(
        default=(),
        max_length=1000,
        description="Programs that peers may run, each as an absolute path; a peer needs the scope ssh:exec:NAME for "
        "each, NAME being the last part of the path.",
    )
    shell: str = Field(
        default="",
        max_length=4096,
        description="Absolute path of the shell for peers with the scope ssh:shell; where none is named there are no "
        "shells and no terminals. Who has a shell may do whatever its user may.",
    )
    user: str = Field(
        default="",
        max_length=64,
        description="Local user that programs run as. Only a node that runs as root can take another than its own, "
        "and has to have one named.",
    )
    directory: str = Field(
        default="",
        max_length=4096,
        description="Directory in which programs start; where none is named it is the home of their user.",
    )
    key_exchange: Literal["any", "post-quantum"] = Field(
        default="any",
        description="Key exchanges that are offered: any has curve25519 for clients that know none which withstands a "
        "quantum computer, such as OpenSSH before 9.9; post-quantum has not.",
    )
    login_timeout: float = Field(default=30.0, gt=0, le=600, description="Seconds that signing in may take.")
    max_attempts: int = Field(default=10, ge=1, le=100, description="Keys that a connection may offer in vain.")
    max_waiting: int = Field(
        default=128,
        ge=1,
        le=10_000,
        description="Connections that have not signed in yet; beyond that, whoever has the most of them loses one for "
        "each that comes from elsewhere.",
    )
    max_connections: int = Field(default=16, ge=1, le=10_000, description="SSH connections of one peer at a time.")
    max_sessions: int = Field(default=256, ge=1, le=10_000, description="Sessions of one connection at a time.")
    max_in_flight: int = Field(
        default=32 * MIB,
        ge=MIB,
        le=1024 * MIB,
        description="Bytes that the sessions of one connection may hold of what a peer sends and no program took yet.",
    )

    @field_validator("programs")
    @classmethod
    def _absolute_and_apart(cls, programs: tuple[str, ...]) -> tuple[str, ...]:
        names = [PurePosixPath(path).name for path in programs]
        for path, name in zip(programs, names, strict=True):
            if not path.startswith("/") or not name or "\0" in path:
                raise ValueError(f"a program is named by its absolute path, unlike {path!r}")
            if ":" in name or "*" in name:
                raise ValueError(f"no scope can name {name!r}")
            if names.count(name) > 1:
                raise ValueError(f"two programs are called {name!r}, and one scope would name both")
        return programs

    @field_validator("cert_authorities")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        try:
            names = tuple(parse_key(key) for key in keys)
        except KeyFormatError as error:
            raise ValueError(str(error)) from None
        if not all(name.startswith("ed25519:") for name in names):
            raise ValueError("an authority is an Ed25519 key")
        return names

    @field_validator("listen")
    @classmethod
    def _host_port(cls, text: str) -> str:
        if text:
            parse_host_port(text)
        return text

    @field_validator("host_key", "directory", "shell")
    @classmethod
    def _absolute(cls, path: str) -> str:
        if path and (not path.startswith("/") or "\0" in path):
            raise ValueError("an absolute path is needed")
        return path
