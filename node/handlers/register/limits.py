"""Limits of enrolment at the node, section `enrolment` of the settings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from node.core.live import RESTART


class EnrolmentLimits(BaseModel):
    """Who may claim how often, and how long the node waits with them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Annotated[str, RESTART] = Field(
        default="",
        max_length=300,
        description="HOST:PORT that new machines dial, as their codes name it; where none is set, it is found out.",
    )
    answer_timeout: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="Seconds that a joiner waits for the panel's process to take its claim; then it is told that the "
        "claim is kept.",
    )
    decision_timeout: float = Field(
        default=600.0, gt=0, le=86_400, description="Seconds that a joiner waits on one connection for a person."
    )
    message_timeout: float = Field(
        default=10.0, gt=0, le=600, description="Seconds that a joiner may take for each of its messages."
    )
    max_waiting: int = Field(
        default=128, ge=1, le=10_000, description="Joiners that are served at a time, of those with a right code."
    )
    failures_per_minute: int = Field(
        default=60, ge=1, le=100_000, description="Codes a minute that are none; beyond, none at all is looked at."
    )
    failures_per_address: int = Field(
        default=5, ge=1, le=100_000, description="The same of one address, or one /64 of IPv6."
    )
    claims_per_minute: int = Field(
        default=60, ge=1, le=100_000, description="Claims a minute that are taken from all joiners together."
    )
