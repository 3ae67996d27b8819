from __future__ import annotations

from itertools import pairwise

import pytest

from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.pacing.schedule import Schedule


def test_every_step_at_first_then_as_the_logarithm() -> None:
    measured = [step for step in range(100_000) if Schedule().measures(step)]
    assert measured[:17] == list(range(17))
    assert len(measured) < 16 + 8 * 13
    gaps = [(after - now) / now for now, after in pairwise(measured) if now >= 16]
    assert max(gaps) <= 1 / 8, "the last one is never older than an eighth of the training"


def test_every_is_taken_at_its_word() -> None:
    assert [s for s in range(30) if Schedule(every=10).measures(s)] == [0, 10, 20]


def test_operands_are_seen_first_and_then_once_and_in_pairs() -> None:
    seen = [step for step in range(8000) if Schedule().compares(step)]
    assert seen[:8] == list(range(8))
    assert len(seen) <= 8 + 4 * 3 + 3 * 7, "two places in each of ten doublings"
    assert {8, 9, 12, 13} <= set(seen)
    pairs = [step for step in seen if step + 1 in seen]
    for octave in range(10):
        inside = range(8 << octave, 16 << octave)
        assert any(step in inside for step in pairs), "a stale operand is older by one step"


@pytest.mark.parametrize("period", [2, 3, 5, 7, 10])
def test_a_mistake_with_a_period_of_its_own_is_met(period: int) -> None:
    seen = {step for step in range(8, 4000) if Schedule().compares(step)}
    remainders = {step % period for step in seen}
    assert len(remainders) == period, "every one of its steps is looked at some time"


def test_inner_layers_are_measured_more_rarely_and_never_alone() -> None:
    schedule = Schedule()
    outputs = {step for step in range(10_000) if schedule.measures(step)}
    inner = {step for step in range(10_000) if schedule.measures(step, inner=True)}
    assert inner < outputs
    assert 0.2 < len(inner) / len(outputs) < 0.35


def test_every_step_counts_for_a_while_after_an_alert() -> None:
    schedule = Schedule()
    schedule.alert(1000)
    assert not schedule.measures(1001 - 2)
    assert [s for s in range(990, 1020) if schedule.measures(s, inner=True)] == list(
        range(1001, 1009)
    )
    assert {1001, 1002} <= {s for s in range(990, 1020) if schedule.compares(s)}
    asked = Schedule(every=10)
    asked.alert(1000)
    assert not asked.measures(1001), "what was asked for is done"


@pytest.mark.parametrize("every", [None, 10])
@pytest.mark.parametrize("alert", [None, 300])
def test_the_next_look_is_the_next_step_at_which_anything_is_due(every, alert) -> None:
    schedule = Schedule(every)
    if alert is not None:
        schedule.alert(alert)
    due = [s for s in range(3000) if schedule.measures(s) or schedule.compares(s)]
    for step in range(due[-1]):
        expected = next(s for s in due if s >= step)
        found = schedule.next_look(step)
        # An alert is for steps to come: nobody asks before it is raised.
        assert found == expected or (alert is not None and step <= alert)


@pytest.mark.parametrize("every", [0, -1, 2.5])
def test_an_impossible_every_is_refused(every) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Schedule(every=every)
