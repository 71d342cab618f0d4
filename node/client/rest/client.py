"""The REST API as functions. Lists are read page by page as they are gone through."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from node.client.rest.errors import NotTheApi
from node.client.rest.models import (
    ApiKey,
    ApiToken,
    Assertion,
    Change,
    Claim,
    Credential,
    Event,
    ForwardingRule,
    Grant,
    ImportOutcome,
    Invite,
    Lock,
    Model,
    Peer,
    Presence,
    User,
)
from node.client.rest.transport import Request, Transport

PAGE = 500
MEDIA_TYPES = {"toml": "application/toml", "csv": "text/csv", "authorized_keys": "text/plain"}
_ROUTES = {"import", "export"}
"""Names below /peers that are routes; of a peer that is called so, a letter is encoded."""
_Of = TypeVar("_Of", bound=Model)


class RestClient:
    """Every method raises RestError. What makes something new carries a key, so that a retry makes it once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def peers(self, *, search: str = "", enabled: bool | None = None, scope: str | None = None) -> Iterator[Peer]:
        """Peers by name."""
        return self._pages("/peers", Peer, {"search": search or None, "enabled": enabled, "scope": scope})

    def peer(self, peer_id: str) -> Peer:
        """One peer."""
        return self._read(f"/peers/{_name(peer_id)}", Peer)

    def add_peer(self, peer_id: str, fields: Mapping[str, Any]) -> Peer:
        """Add a peer whose name is free; Conflict where it is not."""
        return self._write("PUT", f"/peers/{_name(peer_id)}", fields, Peer, {"If-None-Match": "*"})

    def put_peer(self, peer_id: str, fields: Mapping[str, Any]) -> Peer:
        """Add a peer, or replace all of it."""
        return self._write("PUT", f"/peers/{_name(peer_id)}", fields, Peer)

    def change_peer(self, peer_id: str, fields: Mapping[str, Any]) -> Peer:
        """Change some fields of a peer."""
        return self._write("PATCH", f"/peers/{_name(peer_id)}", fields, Peer)

    def rename_peer(self, peer_id: str, new: str) -> Peer:
        """Give a peer another name."""
        return self._write("POST", f"/peers/{_name(peer_id)}/rename", {"peer_id": new}, Peer)

    def remove_peer(self, peer_id: str) -> None:
        """Remove a peer; its connections are closed."""
        self._transport.send(Request("DELETE", f"/peers/{_name(peer_id)}"))

    def rotate_key(self, peer_id: str, old: str, new: str, *, overlap_seconds: float) -> Peer:
        """Give a peer a new key; the old one holds for so long yet."""
        fields = {"old": old, "new": new, "overlap_seconds": overlap_seconds}
        return self._write("POST", f"/peers/{_name(peer_id)}/rotate", fields, Peer)

    def issue_peer_token(self, peer_id: str) -> str:
        """A fresh token in place of any that the peer had, told this once."""
        return str(self._told(Request("POST", f"/peers/{_name(peer_id)}/token", headers=_key()))["token"])

    def import_peers(self, form: str, content: bytes, *, dry_run: bool = False, replace: bool = False) -> ImportOutcome:
        """Add and change the peers of a file, all or none; `form` is one of MEDIA_TYPES."""
        query = {"dry_run": _word(dry_run), "replace": _word(replace)}
        sent = Request("POST", "/peers/import", query, content, MEDIA_TYPES[form])
        return _converted(self._transport.send(sent), ImportOutcome)

    def export_peers(self, form: str) -> bytes:
        """All peers as a file."""
        return self._transport.send(Request("GET", "/peers/export", {"format": form}))

    def presence(self) -> Iterator[Presence]:
        """All peers by name, each with whether it is connected."""
        return self._pages("/presence", Presence)

    def presence_of(self, peer_id: str) -> Presence:
        """The same of one peer."""
        return self._read(f"/presence/{_name(peer_id)}", Presence)

    def api_keys(self) -> Iterator[ApiKey]:
        """API keys by prefix."""
        return self._pages("/api-keys", ApiKey)

    def add_api_key(self, fields: Mapping[str, Any]) -> ApiKey:
        """A new key; its text is told this once."""
        return self._write("POST", "/api-keys", fields, ApiKey, _key())

    def api_key(self, prefix: str) -> ApiKey:
        """One key."""
        return self._read(f"/api-keys/{_name(prefix)}", ApiKey)

    def remove_api_key(self, prefix: str) -> None:
        """It stops working at once."""
        self._transport.send(Request("DELETE", f"/api-keys/{_name(prefix)}"))

    def locks(self) -> Iterator[Lock]:
        """Locks, the newest first."""
        return self._pages("/locks", Lock)

    def place_lock(self, fields: Mapping[str, Any]) -> Lock:
        """Hold something back."""
        return self._write("POST", "/locks", fields, Lock, _key())

    def lift_lock(self, lock_id: str) -> None:
        """By its whole id."""
        self._transport.send(Request("DELETE", f"/locks/{_name(lock_id)}"))

    def invites(self) -> Iterator[Invite]:
        """Invitations, without their codes."""
        return self._pages("/invites", Invite)

    def invite(self, fields: Mapping[str, Any]) -> Invite:
        """A new invitation; its code is told this once."""
        return self._write("POST", "/invites", fields, Invite, _key())

    def find_invite(self, invite_id: str) -> Invite:
        """One invitation."""
        return self._read(f"/invites/{_name(invite_id)}", Invite)

    def revoke_invite(self, invite_id: str) -> None:
        """Its code is good for nothing from now on."""
        self._transport.send(Request("DELETE", f"/invites/{_name(invite_id)}"))

    def claims(self) -> Iterator[Claim]:
        """Machines that came with a code, by the ids of their claims."""
        return self._pages("/claims", Claim)

    def approve_claim(self, claim_id: str, fields: Mapping[str, Any]) -> Claim:
        """Let a machine in; `sas` are the digits that were compared."""
        return self._write("POST", f"/claims/{_name(claim_id)}/approve", fields, Claim, _key())

    def refuse_claim(self, claim_id: str) -> Claim:
        """Decline it for good."""
        sent = Request("POST", f"/claims/{_name(claim_id)}/refuse", headers=_key())
        return _converted(self._transport.send(sent), Claim)

    def events(self, **filters: Any) -> Iterator[Event]:
        """What happened, the newest first."""
        return self._pages("/activity", Event, filters)

    def check_access(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Whether somebody may do something, and why: a tree of `step`, `allowed`, `rule`, `text` and `children`."""
        return self._told(Request("POST", "/access/check", body=json.dumps(dict(wish)).encode()))

    def assertions(self) -> Iterator[Assertion]:
        """What must go on being so."""
        return self._pages("/access/assertions", Assertion)

    def add_assertion(self, fields: Mapping[str, Any]) -> Assertion:
        """From now on no change may break it."""
        return self._write("POST", "/access/assertions", fields, Assertion, _key())

    def remove_assertion(self, assertion_id: str) -> None:
        """What it forbade can be done again."""
        self._transport.send(Request("DELETE", f"/access/assertions/{_name(assertion_id)}"))

    def grants(self) -> Iterator[Grant]:
        """What peers have for a while, and had, by the ids of the grants."""
        return self._pages("/grants", Grant)

    def grant_access(self, fields: Mapping[str, Any]) -> Grant:
        """Give a peer exactly these rights, up to `expires_at`."""
        return self._write("POST", "/grants", fields, Grant, _key())

    def revoke_grant(self, grant_id: str) -> None:
        """What it gave is gone at once."""
        self._transport.send(Request("DELETE", f"/grants/{_name(grant_id)}"))

    def forwarding_rules(self) -> Iterator[ForwardingRule]:
        """Rules of forwarding in their order, told on one page; the first that matches decides."""
        page = self._told(Request("GET", "/forwarding/rules"))
        yield from (_from_json(item, ForwardingRule) for item in page.get("items", ()))

    def add_forwarding_rule(self, fields: Mapping[str, Any]) -> ForwardingRule:
        """A new rule, at the end unless `position` says where."""
        return self._write("POST", "/forwarding/rules", fields, ForwardingRule, _key())

    def change_forwarding_rule(self, rule_id: str, fields: Mapping[str, Any]) -> ForwardingRule:
        """Change some fields of a rule; `position` moves it."""
        return self._write("PATCH", f"/forwarding/rules/{_name(rule_id)}", fields, ForwardingRule)

    def remove_forwarding_rule(self, rule_id: str) -> None:
        """Those below it move up."""
        self._transport.send(Request("DELETE", f"/forwarding/rules/{_name(rule_id)}"))

    def check_forwarding(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """What the node would say: `allowed`, `text`, the `rule` that decides, `addresses` and `steps`."""
        return self._told(Request("POST", "/forwarding/check", body=json.dumps(dict(wish)).encode()))

    def tokens(self) -> Iterator[ApiToken]:
        """Tokens of this API by their ids, without their secrets."""
        return self._pages("/tokens", ApiToken)

    def create_token(self, fields: Mapping[str, Any]) -> ApiToken:
        """A new token; its text is told this once."""
        return self._write("POST", "/tokens", fields, ApiToken, _key())

    def token(self, token_id: str) -> ApiToken:
        """One token."""
        return self._read(f"/tokens/{_name(token_id)}", ApiToken)

    def revoke_token(self, token_id: str) -> None:
        """It stops working at once."""
        self._transport.send(Request("DELETE", f"/tokens/{_name(token_id)}"))

    def credentials(self) -> Iterator[Credential]:
        """Credentials by provider."""
        return self._pages("/credentials", Credential)

    def credential(self, provider: str) -> Credential:
        """All but the content."""
        return self._read(f"/credentials/{_name(provider)}", Credential)

    def set_credential(self, provider: str, content: str) -> Credential:
        """Have the node there seal the content, in place of any that the provider had."""
        return self._write("PUT", f"/credentials/{_name(provider)}", {"content": content}, Credential)

    def rotate_credentials(self, providers: Sequence[str] | None, to: int | None) -> dict[str, Any]:
        """Seal these, or all, under a newer version of the key: `to` which, and how many came to which end."""
        body = json.dumps({"providers": None if providers is None else list(providers), "to": to}).encode()
        return self._told(Request("POST", "/credential-rotations", body=body))

    def remove_credential(self, provider: str) -> None:
        """Handlers have it no longer."""
        self._transport.send(Request("DELETE", f"/credentials/{_name(provider)}"))

    def users(self) -> Iterator[User]:
        """Who may sign in to the panel, by name."""
        return self._pages("/users", User)

    def changes(self, **filters: Any) -> Iterator[Change]:
        """What was changed, the newest first."""
        return self._pages("/audit", Change, filters)

    def verify_log(self) -> dict[str, Any]:
        """Whether the whole log of changes is as it was written: `holds`, `rows`, and what does not."""
        return self._told(Request("POST", "/audit/verify"))

    def sign_log(self) -> dict[str, Any]:
        """Have the node sign the log as it is now: the checkpoint."""
        return self._told(Request("POST", "/audit/checkpoint"))

    def export_log(self) -> Iterator[bytes]:
        """The log as NDJSON, piece by piece, however long it is."""
        return self._transport.pieces(Request("GET", "/audit/export"))

    def _read(self, path: str, model: type[_Of]) -> _Of:
        return _converted(self._transport.send(Request("GET", path)), model)

    def _write(
        self, method: str, path: str, fields: Mapping[str, Any], model: type[_Of], headers: Mapping[str, str] = {}
    ) -> _Of:
        sent = Request(method, path, body=json.dumps(dict(fields)).encode(), headers=headers)
        return _converted(self._transport.send(sent), model)

    def _told(self, request: Request) -> dict[str, Any]:
        return _object(self._transport.send(request))

    def _pages(self, path: str, model: type[_Of], filters: Mapping[str, Any] = {}) -> Iterator[_Of]:
        query = {name: _word(value) for name, value in filters.items() if value is not None}
        cursor: Any = None
        while True:
            place = {} if cursor is None else {"cursor": cursor}
            page = self._told(Request("GET", path, {**query, "limit": PAGE, **place}))
            yield from (_from_json(item, model) for item in page.get("items", ()))
            following = page.get("next")
            if following is None or following == cursor:
                return
            cursor = following


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_urlsafe(16)}


def _word(value: Any) -> Any:
    """True and false as queries have them."""
    return str(value).lower() if isinstance(value, bool) else value


def _name(text: str) -> str:
    """A name as one segment of a path."""
    return f"%{ord(text[0]):02X}{text[1:]}" if text in _ROUTES else quote(text, safe="")


def _converted(body: bytes, model: type[_Of]) -> _Of:
    return _from_json(_object(body), model)


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise NotTheApi("The answer is not what this API tells: is it the panel's address?") from None


def _from_json(value: Any, model: type[_Of]) -> _Of:
    try:
        return msgspec.convert(value, type=model)
    except msgspec.ValidationError as error:
        raise NotTheApi(f"The answer is not what this API tells: {error}.") from None
