"""What rules say of peers by their names, in the transaction that renames or removes one."""

from collections.abc import Iterable

from apps.audit.actors import Actor
from apps.audit.services import record
from apps.forwarding import selectors
from apps.forwarding.models import Rule
from apps.forwarding.services.rules import RuleAction, change_of, facts_of, remove_rules
from node.core.forwarding.rules import MAX_PRINCIPALS


def follow_rename(*, actor: Actor, old: str, new: str, **_: object) -> None:
    """What a rule says of a peer, it says of it whatever its name; of a scope that is called so as well, too."""
    rows = selectors.naming([old])
    stays = bool(rows) and selectors.is_scope_of_others(old, [new])
    for row in rows:
        names = [new if name == old else name for name in row.principals]
        if stays and len(names) < MAX_PRINCIPALS:
            names.append(old)
        _store(actor, RuleAction.FOLLOWED, row, names)


def forget(*, actor: Actor, peer_ids: Iterable[str], **_: object) -> None:
    """Nobody gets by a name what another was allowed. What is refused to a name stays refused to whoever has it.

    A rule without any name would be for everybody: one that was for these peers alone goes.
    """
    gone = []
    for row, names in selectors.allowing(peer_ids):
        if left := [name for name in row.principals if name not in names]:
            _store(actor, RuleAction.FORGOT, row, left)
        else:
            gone.append(row.pk)
    if gone:
        remove_rules(actor=actor, rule_ids=gone)


def _store(actor: Actor, action: RuleAction, row: Rule, names: list[str]) -> None:
    before = facts_of(row)
    row.principals = list(dict.fromkeys(names))
    row.save(update_fields=["principals"])
    record(actor=actor, changes=[change_of(action, before, facts_of(row))])
