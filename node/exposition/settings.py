"""Where node and web process show their metrics, section `metrics` of the settings."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from node.core.address import format_host_port, parse_host_port

HostPort = Annotated[str, AfterValidator(lambda text: format_host_port(parse_host_port(text)))]

_WHY = (
    "this address is reached from other machines, and these pages ask for no login: they tell how many peers there "
    "are, what is refused and what is wrong. Listen on 127.0.0.1, or set metrics.beyond_loopback = true where a "
    "firewall or a network of its own keeps strangers out"
)


class MetricsSettings(BaseModel):
    """Off by default: a port that nobody asked for is not opened."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    beyond_loopback: bool = Field(
        default=False,
        description="Whether these ports may be where other machines reach them; they ask for no login.",
    )
    node_listen: HostPort | None = Field(
        None, description="TCP address of the node's metrics, such as 127.0.0.1:9464; none where it is not set."
    )
    web_listen: HostPort | None = Field(None, description="The same of the panel's process, such as 127.0.0.1:9465.")

    @field_validator("node_listen", "web_listen")
    @classmethod
    def _keep_to_this_machine(cls, listen: str | None, others: ValidationInfo) -> str | None:
        """A wrong `beyond_loopback` is not among the others, and has its own problem told."""
        if listen is not None and not others.data.get("beyond_loopback", True) and not is_loopback(listen):
            raise ValueError(_WHY)
        return listen


def is_loopback(listen: str) -> bool:
    """Whether only this machine reaches HOST:PORT. A name is none, but for localhost: it may lead anywhere."""
    host = parse_host_port(listen)[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
