"""SFTP at the node, section `sftp` of the settings: which directories there are, and what sessions may use."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

from node.core.live import RESTART
from node.handlers.sftp.codec.framing import MAX_PACKET

MIB = 1024 * 1024
MAX_BUCKETS = 256
_OVERHEAD = 1024
"""Bytes of a packet that are not content, as OpenSSH counts them."""


def _bucket_name(name: str) -> str:
    fit = name.isascii() and name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    if not fit or not 1 <= len(name) <= 64 or name.startswith("."):
        raise ValueError("expected 1 to 64 letters, digits, “-”, “_” and “.”, and no “.” in front")
    return name


def _directory(path: Path) -> Path:
    if not path.is_absolute() or "\0" in str(path):
        raise ValueError("expected a path from the root on, such as /srv/alknet/files")
    if path == Path("/"):
        raise ValueError("all of this machine is no bucket")
    return path


def _parse_json(value: Any) -> Any:
    """A variable of the environment holds the table as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ValueError("expected JSON: the whole table as one object") from None


class BucketSettings(BaseModel):
    """One directory of this machine, as a bucket."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    directory: Annotated[Path, AfterValidator(_directory)]
    """Where its files are, from the root on. Whoever can rename what leads there is trusted."""
    read_only: bool = False
    """Whether nobody can change anything in it, whatever scopes they have."""
    quota_bytes: int = Field(default=0, ge=0, le=2**62)
    """Bytes that it may hold, by the lengths of its files, holes included; 0 for no bound of ours."""
    quota_files: int = Field(default=0, ge=0, le=2**40)
    """Files, directories and links that it may hold; 0 for no bound of ours."""
    umask: int = Field(default=0o077, ge=0, le=0o777)
    """Permissions that what is made in it does not get; 63 is 0o077, all of others."""

    def overlaps(self, own: Path) -> bool:
        """Whether it is in `own`, the directory of the node's own data without links, or has that in it."""
        directory = self.directory.resolve()
        return directory.is_relative_to(own) or own.is_relative_to(directory)


class SftpLimits(BaseModel):
    """A session keeps the limits that it began with; which buckets there are it is told anew with each request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    buckets: Annotated[
        Mapping[Annotated[str, AfterValidator(_bucket_name)], BucketSettings],
        Field(
            max_length=MAX_BUCKETS,
            description="Directories that peers reach, each a table by the name that it has for them.",
        ),
        NoDecode,
        BeforeValidator(_parse_json),
    ] = {}
    max_packet: int = Field(
        default=MAX_PACKET, ge=34_000, le=16 * MIB, description="Bytes of a packet; a longer one ends its session."
    )
    max_requests: int = Field(
        default=64, ge=1, le=4096, description="Unanswered requests of one session; beyond, it is read no further."
    )
    max_bytes: int = Field(
        default=4 * MIB,
        ge=64 * 1024,
        le=1024 * MIB,
        description="Bytes of one session's requests and answers that are held; beyond, it is read no further.",
    )
    max_handles: int = Field(
        default=64, ge=1, le=65_536, description="Files and directories that one session has open."
    )
    max_open: Annotated[int, RESTART] = Field(
        default=512, ge=1, le=1_000_000, description="The same of all sessions together; one peer gets half of that."
    )
    max_sessions: int = Field(
        default=256, ge=1, le=65_536, description="Sessions at a time, of all peers together; one peer gets half."
    )
    max_per_connection: int = Field(default=16, ge=1, le=4096, description="The same of one connection.")
    threads: Annotated[int, RESTART] = Field(
        default=4, ge=1, le=256, description="Threads on which files are read and written."
    )
    start_timeout: float = Field(default=30.0, gt=0, le=600, description="Seconds until a session's first packet.")
    idle_timeout: float = Field(
        default=3600.0, gt=0, le=86_400, description="Seconds that a session may be silent between two requests."
    )
    stall_timeout: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds that one packet may take, to be read or to be written."
    )

    @property
    def max_read(self) -> int:
        """Bytes that one read answers at most, and one write may bring."""
        return self.max_packet - _OVERHEAD
