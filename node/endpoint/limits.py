"""Limits of the endpoint, section `endpoint` of the settings."""

from pydantic import BaseModel, ConfigDict, Field


class EndpointLimits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    drain_timeout: float = Field(default=2.0, ge=0, le=60, description="Seconds that handlers get at shutdown.")
