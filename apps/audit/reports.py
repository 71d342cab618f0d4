"""How a verification of the whole log ended, for people and for programs; the last one is kept for the panel."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from django.utils import timezone

from apps.audit.checkpoints import BadCheckpoint, bad_checkpoints, checkpoint_json, newest_checkpoint
from apps.audit.faults import Broken
from apps.audit.models import Checkpoint, Verification
from apps.audit.verification import Verified


@dataclass(frozen=True, slots=True)
class Report:
    """Rows up to `number` hold. Nothing is wrong where there is neither `broken` nor `bad`."""

    number: int
    broken: Broken | None
    bad: tuple[BadCheckpoint, ...]
    newest: Checkpoint | None
    """Of the checkpoints that hold, the one of the most rows."""
    signers: dict[str, int]
    """How many checkpoints each key has signed."""

    @property
    def holds(self) -> bool:
        return self.broken is None and not self.bad

    def json(self) -> dict[str, Any]:
        newest = self.newest
        return {
            "holds": self.holds,
            "rows": self.number,
            "broken": None if self.broken is None else asdict(self.broken),
            "bad_checkpoints": [asdict(bad) for bad in self.bad],
            "signed": None if newest is None else checkpoint_json(newest),
            "signers": self.signers,
        }


def report(end: Verified, keys: tuple[str, ...] = ()) -> Report:
    """What a verification that came to its end has found, the checkpoints included; and keep it for the panel."""
    signers = Counter(Checkpoint.objects.order_by("id").values_list("fingerprint", flat=True))
    made = Report(end.number, end.broken, tuple(bad_checkpoints(keys)), newest_checkpoint(), dict(signers))
    _keep(made)
    return made


def last_report() -> Verification | None:
    """How the last one ended; None where there was none yet."""
    return Verification.objects.first()


def _keep(made: Report) -> None:
    bad, broken = made.bad[:1], made.broken
    words = broken.words if broken else "".join(f"Checkpoint {one.id}: {one.words}" for one in bad)
    Verification.objects.update_or_create(
        pk=1,
        defaults={
            "at": timezone.now(),
            "number": made.number,
            "broken": broken.number if broken else None,
            "reason": broken.fault.value if broken else "checkpoint" if bad else "",
            "words": words,
        },
    )
