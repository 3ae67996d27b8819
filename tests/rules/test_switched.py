"""A loss that loses in the course of a training what kept rows apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Objective, Party, Pull
from collapse_doctor.rules.rule import Match, NotExamined
from collapse_doctor.rules.switched import last_phase

Check = Callable[[str, Measurements], Sequence[Match]]
OWN = Party("model", "output")
SPREAD = ("the spread of an output",)


def pulled(step: int, *others: str) -> Objective:
    place = (("model", "output"),)
    return Objective(step, step, 0.1, outputs=place, pulls=(Pull(OWN, OWN),), others=others)


def course(kept: Sequence[int], later: Sequence[int]) -> tuple[Objective, ...]:
    entries = [*(pulled(step, *SPREAD) for step in kept), *(pulled(step) for step in later)]
    return tuple(sorted(entries, key=lambda one: one.step))


@pytest.mark.parametrize(
    ("kept", "later", "since"),
    [
        (range(6), (30, 34, 35, 47), 30),
        (range(5), (30, 34, 35, 47), None),  # too few before
        (range(6), (30, 34, 35), None),  # too few since
        (range(6), (30, 34, 38, 47), None),  # of two kinds in turn none was seen
        (range(0, 20, 2), (*range(1, 20, 2), 30, 31, 32, 33), None),  # in turn
        (range(6), (), None),
    ],
)
def test_since_when_a_training_is_another(
    kept: Sequence[int], later: Sequence[int], since: int | None
) -> None:
    found = last_phase(course(kept, later), lambda one: bool(one.others), 6, 4)
    assert [one.step for one in found[:1]] == ([] if since is None else [since])


def test_only_pulls_since_a_step_are_told_with_that_step(training_of: Any, check: Check) -> None:
    collapsed = {"relative_dispersion": 0.004, "direction_dispersion": 0.004}
    seen = course(range(6), (30, 34, 35, 47))
    (match,) = check("CD208", training_of(collapsed, objectives=seen))
    assert match.where.step == 30
    assert "at all 4 steps looked at since step 30" in match.message


def test_what_did_not_come_nearer_since_is_not_examined(training_of: Any, check: Check) -> None:
    seen = course(range(6), (30, 34, 35, 47))
    with pytest.raises(NotExamined, match="not fallen"):
        check("CD208", training_of(objectives=seen))
