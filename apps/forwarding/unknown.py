"""Names in rules that nobody has now: slips of the pen, and peers that are still to come."""

from collections.abc import Iterable

from apps.access import selectors as access
from apps.forwarding.models import Rule
from apps.peers import selectors as peers
from node.core.scopes import ANY, matches

MOST = 8
"""Names that are looked for among scopes, each of which is a look at every peer; more are taken for known."""


def unknown_names(rows: Iterable[Rule]) -> frozenset[str]:
    """Those that are neither a peer's name, nor a scope that a peer has by itself or by a grant."""
    named = {name for row in rows for name in row.names("principals")}
    left = named - peers.existing(named)
    if left:
        left -= {scope for grant in access.grants_in_force() for scope in grant.scopes}
    left = {name for name in sorted(left)[:MOST] if next(peers.names_with_scope(name), None) is None}
    wide = peers.scopes_with(ANY) if left else ()
    return frozenset(name for name in left if not any(matches(scope, name) for scope in wide))
