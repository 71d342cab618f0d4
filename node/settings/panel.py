"""The settings of the panel: where it listens, whom it believes, and how people sign in."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from node.settings.values import AbsolutePath, HostPort, Origin, Words

RoleName = Literal["owner", "operator", "auditor", "viewer"]


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError("expected addresses or networks, such as 127.0.0.1 or 10.0.0.0/8") from None


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_network, texts))


def _roles(names: tuple[str, ...]) -> tuple[str, ...]:
    known = RoleName.__args__  # type: ignore[attr-defined] # a Literal's words
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no role {unknown[0]}; there is {', '.join(known)}")
    return names


def _issuer(url: str) -> str:
    """Plain HTTP shows the client's secret to whoever listens, so it is for this machine alone."""
    if url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
        return url.rstrip("/")
    raise ValueError("expected https://…, as the identity provider spells its issuer")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class OidcSettings(_Section):
    """Sign-in by an identity provider, with OpenID Connect."""

    issuer: Annotated[str, AfterValidator(_issuer)] | None = Field(
        None, description="URL of the identity provider, as it spells its issuer; with none nobody signs in by one."
    )
    client_id: str = Field("", max_length=500, description="What the identity provider calls this panel.")
    client_secret_file: AbsolutePath | None = Field(
        None, description="File with the secret that goes with it; none for a provider that asks for PKCE alone."
    )
    name: str = Field(
        "single sign-on", min_length=1, max_length=60, description="What the button says after “Sign in with”."
    )
    create_users: bool = Field(
        False,  # noqa: FBT003 - a default
        description="Whether somebody whom the provider knows and the panel does not becomes a user.",
    )
    role: Literal["", "operator", "auditor", "viewer"] = Field(
        "", description="Role of users that are made so; with none an owner gives them one."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.issuer and not self.client_id:
            raise ValueError("panel.oidc.issuer needs panel.oidc.client_id")
        return self


class PanelSettings(_Section):
    listen: HostPort = Field("127.0.0.1:8000", description="TCP address of the panel; port 0 picks a free one.")
    public_url: Origin | None = Field(
        None, description="URL under which browsers reach the panel, where that is not its address."
    )
    allowed_hosts: Words = Field((), description="Further host names that the panel answers to.")
    trusted_proxies: Annotated[Words, AfterValidator(_networks)] = Field(
        (),
        description="Addresses and networks of reverse proxies that are believed who a client is and whether it came "
        "by TLS: their X-Forwarded-For and X-Forwarded-Proto.",
    )
    second_factor_for: Annotated[Words, AfterValidator(_roles)] = Field(
        (), description="Roles that take a second factor: their users see nothing before they have one."
    )
    oidc: OidcSettings = OidcSettings()
