"""From what people type to a question that the node's rules answer."""

from collections.abc import Container, Sequence

from apps.peers import selectors as peers
from node.core.access import AccessControl
from node.core.errors import InvalidFields
from node.core.explain import Question, Subject, SubjectKind
from node.core.fingerprint import KeyFormatError, parse_key
from node.core.locks import LockKind, check_target
from node.core.peers import check_peer_id, check_resources, check_scopes
from node.core.tokens import is_api_key_prefix

MAX_WHO = 16_384
"""Longest text that says who, in characters: a certificate fits."""


class InvalidQuestion(InvalidFields):
    """One or more parts of a question are wrong."""


def question(
    *,
    who: str = "",
    alpn: str = "",
    scopes: Sequence[str] = (),
    resource_type: str = "",
    resource: str = "",
    known: Container[str] | None = None,
) -> Question:
    """`who` is a peer's name, an API key's prefix or a key in any spelling; empty is a stranger.

    All that is left empty is not asked. `known` has the names that peers have; without it the rows are asked.
    Raises InvalidQuestion.
    """
    errors = {"alpn": check_target(LockKind.ALPN, alpn) if alpn else [], "scopes": check_scopes(list(scopes))}
    if resource and not resource_type:
        errors["resource_type"] = ["Of which kind is this resource?"]
    elif resource_type:
        errors["resource"] = check_resources({resource_type: [resource] if resource else []})
    try:
        subject = _subject(who, known)
    except ValueError as error:
        errors["who"], subject = [str(error)], Subject(SubjectKind.ANYBODY)
    if any(errors.values()):
        raise InvalidQuestion({name: texts for name, texts in errors.items() if texts})
    control = AccessControl(tuple(scopes), None, resource_type or None, resource or None)
    return Question(subject, alpn.encode(), control)


def _subject(who: str, known: Container[str] | None) -> Subject:
    """A peer of this very name comes first, whatever the name looks like. Raises ValueError in a sentence."""
    if not who:
        return Subject(SubjectKind.ANYBODY)
    if len(who) > MAX_WHO:
        raise ValueError(f"At most {MAX_WHO} characters.")
    if check_peer_id(who) == [] and who in (peers.existing([who]) if known is None else known):
        return Subject(SubjectKind.PEER, who)
    if is_api_key_prefix(who):
        return Subject(SubjectKind.API_KEY, who)
    try:
        return Subject(SubjectKind.KEY, parse_key(who))
    except KeyFormatError:
        if wrong := check_peer_id(who):
            raise ValueError(wrong[0]) from None
        return Subject(SubjectKind.PEER, who)
