"""Limits of the journal, section `journal` of the settings."""

from pydantic import BaseModel, ConfigDict, Field


class JournalLimits(BaseModel):
    """How long events are kept, and how many may wait to be written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_age: float = Field(default=90.0, gt=0, le=36_500)
    """Days that an event is kept."""

    max_size: int = Field(default=256 * 1024 * 1024, ge=1024 * 1024)
    """Bytes that all events together take in the file; the oldest go first."""

    flush_interval: float = Field(default=0.02, ge=0, le=1)
    """Seconds that events are gathered before they are written together."""

    max_queue: int = Field(default=10_000, ge=100, le=1_000_000)
    """Events that wait while the file cannot be written; more are counted, and that count is written later."""

    strangers_per_second: int = Field(default=100, ge=1, le=100_000)
    """Events a second about anybody who is no peer; more are counted only. Ten seconds' worth may come at once."""

    peer_per_second: int = Field(default=100, ge=1, le=100_000)
    """Events a second of one peer; more are counted only. Ten seconds' worth may come at once."""
