"""What watching may cost, by a clock that is wound by hand."""

from __future__ import annotations

import pytest

from collapse_doctor.inspector.pacing.budget import ALLOWANCE, SHARE, SLICE, Budget


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(clock)


@pytest.fixture
def at_ease(budget: Budget, clock: Clock) -> Budget:
    """After many steps of which nothing is left to be used."""
    clock.now += 1000.0
    budget.turn(steps=10**6)
    budget.has_time(0.0)
    budget.use(SLICE * 1e-3)
    return budget


def test_the_first_looks_may_take_their_allowance(budget: Budget) -> None:
    assert budget.affords(ALLOWANCE)
    assert not budget.affords(1.01 * ALLOWANCE)


def test_then_a_share_of_the_time(budget: Budget, clock: Clock) -> None:
    budget.spend(ALLOWANCE)
    assert not budget.affords(0.001)
    clock.now += 10.0
    assert budget.affords(0.99 * SHARE * 10)
    assert not budget.affords(1.01 * SHARE * 10)


def test_work_put_off_has_no_allowance(budget: Budget, clock: Clock) -> None:
    clock.now += 0.5
    budget.turn()
    assert budget.affords(0.9 * SLICE * 0.5)
    assert not budget.has_time(0.9 * SLICE * 0.5), "a tenth of the step, but not half a percent"
    assert budget.has_time(0.9 * SHARE * 0.5)
    budget.spend(SHARE * 0.5)
    assert not budget.has_share(0.001)


def test_postponed_work_takes_no_more_than_its_slice_of_a_step(
    at_ease: Budget, clock: Clock
) -> None:
    clock.now += 0.010
    at_ease.turn()
    assert at_ease.has_time(0.9 * SLICE * 0.010)
    at_ease.use(0.9 * SLICE * 0.010)
    assert not at_ease.has_time(0.2 * SLICE * 0.010), "that slice is used up"


def test_a_long_piece_of_work_waits_until_enough_is_saved_up(at_ease: Budget, clock: Clock) -> None:
    steps = 0
    while not at_ease.has_time(0.0055):
        clock.now += 0.010
        at_ease.turn()
        steps += 1
    assert steps == 6, "a tenth of 10 ms each"


def test_of_several_steps_each_has_its_slice(at_ease: Budget, clock: Clock) -> None:
    clock.now += 0.080
    at_ease.turn(steps=8)
    assert at_ease.has_time(0.9 * SLICE * 0.010)
    assert not at_ease.has_time(1.1 * SLICE * 0.010), "steps without work are not hoarded"


def test_a_long_piece_of_work_has_the_slices_of_several_steps(
    at_ease: Budget, clock: Clock
) -> None:
    clock.now += 0.080
    at_ease.turn(steps=8)
    assert not at_ease.has_time(1.1 * SLICE * 0.080)
    assert at_ease.has_time(0.9 * SLICE * 0.080)


def test_what_was_saved_is_not_hoarded(at_ease: Budget, clock: Clock) -> None:
    for _ in range(100):
        clock.now += 0.020
        at_ease.turn()
        assert at_ease.has_time(0.001)
    at_ease.use(0.001)
    assert not at_ease.has_time(0.0015), "a hundred idle steps are no reason for a long one"


def test_time_spent_on_watching_is_no_part_of_the_step(at_ease: Budget, clock: Clock) -> None:
    clock.now += 0.050
    at_ease.spend(0.040)
    at_ease.turn()
    assert at_ease.has_time(0.9 * SLICE * 0.010)
    assert not at_ease.has_time(1.1 * SLICE * 0.010)


def test_the_cost_is_told_as_it_was_measured(budget: Budget, clock: Clock) -> None:
    clock.now += 20.0
    budget.spend(0.05)
    cost = budget.cost(step=7)
    assert (cost.step, cost.elapsed, cost.spent, cost.budget) == (7, 20.0, 0.05, SHARE)
    assert not cost.limited
