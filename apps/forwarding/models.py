"""The rules of forwarding, in their order (docs/adr/0052). The node reads this table; the first that matches decides.

Nothing writes it but apps.forwarding.services.
"""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from node.core.forwarding.policy import Action
from node.core.forwarding.policy import Rule as CoreRule
from node.core.forwarding.rules import InvalidRule, Placed, build_rule, refusing


def new_id() -> str:
    return str(uuid.uuid4())


class Rule(models.Model):
    """One rule. The node asks the lowest `position` first. An empty list asks nothing."""

    id = models.TextField(primary_key=True, default=new_id, editable=False)
    position = models.IntegerField("place")
    action = models.TextField(choices=[(action.value, action.value) for action in Action])
    target = models.TextField()
    principals = models.JSONField("for", default=list, blank=True)
    transports = models.JSONField(default=list, blank=True)
    directions = models.JSONField(default=list, blank=True)
    note = models.TextField(blank=True, db_default="")
    changed_at = models.DateTimeField("changed", db_default=Now())
    changed_by = models.TextField("by", db_default="")

    class Meta:
        db_table = "forwarding_rules"
        ordering = ["position", "id"]
        verbose_name = "forwarding rule"
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=[action.value for action in Action]), name="forwarding_rules_action_known"
            ),
        ]

    def __str__(self) -> str:
        """The sentence: “3. allow db.lan:5432 for team:db over quic”."""
        words = [f"{self.position}. {self.action} {self.target}"]
        parts = (("for", "principals"), ("over", "transports"), ("", "directions"))
        words += [f"{word} {', '.join(names)}".strip() for word, field in parts if (names := self.names(field))]
        return " ".join(words)

    def names(self, field: str) -> tuple[str, ...]:
        """Of `principals`, `transports` or `directions` what has the right shape, whoever wrote it."""
        return _texts(getattr(self, field))

    def core(self) -> Placed:
        """This row as the node reads it."""
        rule = self._rule()
        return refusing(self.pk, self.position) if rule is None else Placed(self.position, rule)

    @property
    def damaged(self) -> bool:
        """Whether it cannot be read, so that the node refuses everything from its place on."""
        return self._rule() is None

    def _rule(self) -> CoreRule | None:
        fields = {name: getattr(self, name) for name in ("target", "action", "principals", "transports", "directions")}
        try:
            return build_rule(**fields, rule_id=self.pk)
        except InvalidRule:
            return None


def _texts(value: Any) -> tuple[str, ...]:
    """Of a list that somebody put behind our back, what has the right shape."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
