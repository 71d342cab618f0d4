"""Limits of the endpoint, section `endpoint` of the settings."""

from pydantic import BaseModel, ConfigDict, Field

from node.core.attempts import MAX_FAILURES


class EndpointLimits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    drain_timeout: float = Field(default=2.0, ge=0, le=60, description="Seconds that handlers get at shutdown.")
    max_token_failures: int = Field(
        default=MAX_FAILURES,
        ge=1,
        le=1000,
        description="Tokens of one connection that are nobody's; it is closed then.",
    )
