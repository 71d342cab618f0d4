"""Settings of port forwarding, section `forwarding` of the settings. Who may what is told by rules, not here."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from node.handlers.ssh.forwarding.proxy import Proxy

MIB = 1024 * 1024


class ForwardingSettings(BaseModel):
    """How connections are made for peers, and how much of everything there may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    proxy: str = Field(
        default="",
        max_length=300,
        description="Proxy by which hosts are reached, as socks5h://HOST:PORT or http://HOST:PORT (CONNECT); names are "
        "sent on to it, and looked up by it alone. Where none is named the node connects itself.",
    )
    proxy_login: str = Field(
        default="",
        max_length=100,
        description="Provider of the credential, USER:PASSWORD, for that proxy; capabilities has to name it for "
        "alknet/ssh.",
    )
    resolve_timeout: float = Field(
        default=5.0, gt=0, le=120, description="Seconds for looking up the name of one host."
    )
    connect_timeout: float = Field(
        default=10.0, gt=0, le=300, description="Seconds for connecting to one host, by whichever of its addresses."
    )
    accept_timeout: float = Field(
        default=30.0, gt=0, le=600, description="Seconds that a client has to take a connection to a port of its."
    )
    idle_timeout: float = Field(
        default=86_400.0,
        gt=0,
        le=31_536_000,
        description="Seconds after which a connection is ended through which nothing has gone either way.",
    )
    channels: int = Field(
        default=256, ge=0, le=100_000, description="Forwarded connections of one peer at a time; 0 allows none."
    )
    channels_in_all: int = Field(default=4_096, ge=0, le=1_000_000, description="The same of all peers.")
    listeners: int = Field(default=16, ge=0, le=10_000, description="Ports and sockets that one peer may listen on.")
    listeners_in_all: int = Field(default=256, ge=0, le=100_000, description="The same of all peers.")
    max_in_flight: int = Field(
        default=32 * MIB,
        ge=MIB,
        le=1024 * MIB,
        description="Bytes that the forwarded connections of one peer may hold of what it sends and no host took yet.",
    )

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, text: str) -> str:
        if text:
            Proxy.parse(text)
        return text
