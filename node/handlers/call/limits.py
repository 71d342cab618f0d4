"""Limits of the call protocol, section `call` of the settings."""

from pydantic import BaseModel, ConfigDict, Field

MAX_FRAME = 64 * 1024 * 1024
"""Largest frame body in bytes, inclusive: a contract with every other implementation (spec call §2)."""


class CallLimits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    request_timeout: float = Field(default=30.0, gt=0, le=3600, description="Seconds that an operation may take")
    stall_timeout: float = Field(default=30.0, gt=0, le=3600, description="Seconds without a byte inside a frame")
    max_in_flight: int = Field(default=1024, ge=1, le=65536, description="Unanswered requests of one connection")
    max_buffered: int = Field(
        default=8 * 1024 * 1024,
        ge=65536,
        le=MAX_FRAME,
        description="Bytes of half-read frames of one connection; one larger frame is read alone",
    )
