"""The shape of a check, and what is told of it to whom."""

from typing import Any

import pytest

from node.core.health import MAX_CHECKS, MAX_TEXT, Check, failing, read_checks, report

GOOD, BAD = Check("node", ok=True, text="it answers"), Check("vault", ok=False, text="locked", mend="unlock it")


def test_details_are_told_only_where_they_may_be() -> None:
    assert report([GOOD, BAD], details=False) == {"ready": False, "failing": ["vault"]}
    assert report([GOOD], details=False) == {"ready": True, "failing": []}
    told = report([GOOD, BAD], details=True)
    assert told["checks"][1] == {"name": "vault", "ok": False, "text": "locked", "mend": "unlock it"}
    assert read_checks(told["checks"]) == [GOOD, BAD]
    assert failing(iter([GOOD, BAD])) == ["vault"]


def test_long_texts_of_others_are_cut() -> None:
    [check] = read_checks([{"name": "x" * 5000, "ok": True, "text": "x" * 5000, "mend": "x" * 5000}])
    assert {len(check.name), len(check.text), len(check.mend)} == {MAX_TEXT}


@pytest.mark.parametrize(
    "told",
    [None, {}, ["x"], [{"name": "x"}], [{"name": 1, "ok": True, "text": "", "mend": ""}],
     [{"name": "x", "ok": 1, "text": "", "mend": ""}], [{}] * (MAX_CHECKS + 1)],
)  # fmt: skip
def test_another_shape_is_refused(told: Any) -> None:
    with pytest.raises(ValueError, match=r"not a (list of )?checks?"):
        read_checks(told)
