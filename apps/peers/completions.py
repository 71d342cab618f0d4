"""What can be added to a field of scopes or of resources, and what the text that is being typed means.

In a search, `*` stands for any one field between colons: `git:*` finds `git:read`. In what is stored it means nothing:
operations compare scopes letter by letter (docs/adr/0016), and that is said to whoever types one. To SSH and SFTP it
means what it does in a search.
"""

from collections.abc import Iterable, Mapping

from apps.panel.fields import Offered, Option
from apps.peers.handler_scopes import BUCKET, about, buckets, handler_scopes
from apps.peers.offers import IN_USE, NEEDS, InUse, Needs
from node.core.peers import check_scopes

MOST = 12
"""Options that one answer has."""
_LETTER_BY_LETTER = "Operations compare scopes letter by letter."


def complete_scopes(text: str) -> Offered:
    """Known scopes in which the text stands, or that the pattern finds; those that operations ask for come first.

    Then come those that somebody has, and then those of SSH and SFTP.
    """
    needs, used = NEEDS(), IN_USE()
    known = list(dict.fromkeys((*sorted(needs.scopes), *used.scopes, *handler_scopes())))
    if "*" in text:
        return _by_pattern(text, [name for name in known if fits(text, name)], needs, used)
    found = _ordered(text, known)
    options = tuple(Option(name, name, _why(name, needs, used)) for name in found[:MOST])
    return Offered(options, _about(text, found, needs, used))


def fits(pattern: str, scope: str) -> bool:
    """Whether they have as many fields between colons, each the same or `*` in the pattern."""
    wanted, held = pattern.split(":"), scope.split(":")
    return len(wanted) == len(held) and all(one in ("*", other) for one, other in zip(wanted, held, strict=True))


def complete_resources(text: str) -> Offered:
    """`kind:name`, as the field takes them apart again, and kinds, also those that nobody has yet."""
    needs, used = NEEDS(), IN_USE()
    pairs = {f"{kind}:{name}": count for kind, names in used.resources.items() for name, count in names.items()}
    pairs = {**{f"{BUCKET}:{name}": 0 for name in buckets()}, **pairs}
    found = _ordered(text, pairs)
    options = [Option(pair, pair, _held_by(pairs[pair])) for pair in found[:MOST]]
    kind, colon, name = text.partition(":")
    own = {BUCKET: None} if buckets() else {}
    kinds = [one for one in _ordered(kind, {**needs.kinds, **used.resources, **own}) if not colon]
    options += [Option(f"{one}:", f"{one}:…", _kind_about(one, needs, used)) for one in kinds[: MOST - len(options)]]
    if kind and name and text not in pairs:
        return Offered(tuple(options), f"Nobody has “{name}” of kind “{kind}” yet. Enter adds it.")
    return Offered(tuple(options), "A kind, a colon and a name, such as repo:web." if not options else "")


def _by_pattern(text: str, found: list[str], needs: Needs, used: InUse) -> Offered:
    one_by_one = [Option(name, name, _why(name, needs, used)) for name in found[:MOST]]
    every = [Option("\n".join(found[:MOST]), f"All of these {len(found)}")] if 1 < len(found) <= MOST else []
    options = (*every, *one_by_one)
    if words := about(text):
        return Offered(options, f"{words}. Here * is any one field between colons. Enter adds it.")
    plain = f"{_LETTER_BY_LETTER} “{text}” itself would give only what asks for “{text}”, star and all."
    if not found:
        return Offered((), f"* stands for one field between colons, and no known scope fits. {plain}")
    number = "1 known scope fits" if len(found) == 1 else f"{len(found)} known scopes fit"
    return Offered(options, f"* stands for one field between colons: {number}. {plain}")


def _ordered(text: str, names: Iterable[str]) -> list[str]:
    """Those in which the text stands: at its beginning before elsewhere, and else as they come."""
    wanted = text.lower()
    held = [name for name in names if wanted in name.lower()]
    return sorted(held, key=lambda name: not name.lower().startswith(wanted))


def _about(text: str, found: list[str], needs: Needs, used: InUse) -> str:
    if not text:
        node = "" if needs.known else " The node does not tell at this moment what its operations ask for."
        return f"{_LETTER_BY_LETTER} To SSH and SFTP a * is any one field.{node}"
    if wrong := check_scopes([text]):
        return wrong[0]
    if text in needs.scopes or text in used.scopes:
        return f"{text}: {_why(text, needs, used)}."
    if words := about(text):
        return f"{words}; nobody has “{text}” yet. Enter adds it."
    asks = "No operation of this node asks for it" if needs.known else "Whether an operation asks for it is not known"
    return f"{asks}, and nobody has “{text}” yet. Enter adds it."


def _why(name: str, needs: Needs, used: InUse) -> str:
    parts = [needs.scopes[name].words] if name in needs.scopes else [words for words in [about(name)] if words]
    if not parts and needs.known:
        parts = ["no operation of this node asks for it"]
    return "; ".join([*parts, _held_by(used.scopes.get(name, 0))])


def _held_by(count: int) -> str:
    return "nobody has it" if not count else f"{count} {'has' if count == 1 else 'have'} it"


def _kind_about(kind: str, needs: Needs, used: InUse) -> str:
    names: Mapping[str, int] = used.resources.get(kind, {})
    asked = f"{needs.kinds[kind].words}; " if kind in needs.kinds else ""
    return f"{asked}{len(names)} known {'name' if len(names) == 1 else 'names'}"
