"""Targets that are kept and never made anew, apart from all that are renewed or meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from collapse_doctor.recording.observations import CallSite, Comparison, Past

WRITTEN = CallSite("train.py", 12, "main", "bank[ids] = z.detach()")


@pytest.fixture
def reads(compared) -> Callable[..., list[Comparison]]:
    """Comparisons at some steps with what was made at others: (step, first, last) or a step."""

    def make(*calls: tuple[int, int, int] | int, similarity: float = 0.9, **told: Any) -> Any:
        found = []
        for call in calls:
            kept = isinstance(call, tuple)
            step, first, last = call if isinstance(call, tuple) else (call, 0, 0)
            past = Past(1, first, last, site=WRITTEN, **told) if kept else None
            one = compared(step=step, names=("z", "bank[ids]"), cut=True)
            found.append(msgspec.structs.replace(one, past=past, similarity=similarity))
        return found

    return make


def store(steps: Iterable[int], first: int, last: int) -> list[tuple[int, int, int]]:
    return [(step, first, last) for step in steps]


def test_a_store_that_is_read_for_longer_than_it_was_filled(reads, training_of, check) -> None:
    calls = reads(*store((5, 6, 9, 30), 0, 4), is_store=True)
    (match,) = check("CD106", training_of(comparisons=calls))
    assert (match.where.line, match.where.step) == (12, 5)
    assert match.related[0].line == 38
    assert match.evidence["age"].value == 26
    assert match.evidence["age"].bound == 4


@pytest.mark.parametrize(
    "calls",
    [
        store((5, 6, 7, 9), 0, 4),  # not longer than it took
        store((5, 9, 30), 0, 4),  # seldom
        store((5, 6, 9, 30), 4, 4),  # all at once: a teacher on purpose
        [*store((5, 6, 9, 30), 0, 4), 31],  # something else was there
        [*store((5, 6, 9), 0, 4), *store((50, 51), 0, 49)],  # renewed
    ],
)
def test_what_is_no_forgotten_store(calls, reads, training_of, check) -> None:
    assert check("CD106", training_of(comparisons=reads(*calls, is_store=True))) == []


def test_single_tensors_must_be_read_twice(reads, training_of, check) -> None:
    once = reads(*((20 + n, n, n) for n in range(8)))
    assert check("CD106", training_of(comparisons=once)) == []
    twice = reads(*((step + n, n, n) for step in (8, 16, 24) for n in range(4)))
    assert len(check("CD106", training_of(comparisons=twice))) == 1


def test_targets_of_a_fresh_network_for_other_views(reads, training_of, check) -> None:
    fresh = {"fresh": frozenset({"model"})}
    calls = reads(0, *store((1, 2, 3, 9), 0, 0), is_alike=True)
    assert len(check("CD106", training_of(comparisons=calls, **fresh))) == 1
    assert check("CD106", training_of(comparisons=calls)) == [], "it was trained before"
    same = reads(0, *store((1, 2, 3, 9), 0, 0), is_alike=True, similarity=1.0)
    assert check("CD106", training_of(comparisons=same, **fresh)) == [], "for the same inputs"
    modes = reads(0, *store((1, 2, 3, 9), 0, 0))
    assert check("CD106", training_of(comparisons=modes, **fresh)) == [], "in another mode"


def test_a_line_is_told_once_though_some_rows_look_like_those_of_others(
    reads, compared, training_of, check
) -> None:
    calls = reads(*store((5, 6, 9, 30), 0, 4), is_store=True)
    stale = [compared("stale", step=step, age=step - 4, cut=True) for step in (31, 32)]
    found = check("CD106", training_of(comparisons=[*calls, *stale]))
    assert [match.where.step for match in found] == [5]
