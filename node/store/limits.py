"""Limits of the SQLite store, section `store` of the settings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from node.core.live import RESTART


class StoreLimits(BaseModel):
    """How the store reads its file. Times are in seconds, the rest are rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_rows: int = Field(default=200, ge=1, le=10_000)
    """Rows that are read in one go; the loop serves others between two pages."""

    max_delta: int = Field(default=2_000, ge=1, le=100_000)
    """More changes than this at once are read by a full reload."""

    freeze_rows: Annotated[int, RESTART] = Field(default=2_000, ge=0)
    """From this size on, the rows of the first load are hidden from the cyclic garbage collector."""

    retry_first: float = Field(default=0.05, gt=0, le=60)
    """Seconds until the first retry after a failure; doubled each time."""

    retry_max: float = Field(default=1.0, gt=0, le=600)
    """Longest back-off between two retries."""

    recheck: float = Field(default=15.0, gt=0, le=3600)
    """Without any wake for so long, the file is looked at all the same."""

    write_timeout: float = Field(default=5.0, gt=0, le=60)
    """How long a write waits while another process holds the file's write lock."""
