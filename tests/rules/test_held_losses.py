"""Losses that cannot leave their value at collapse, and since when what keeps them there is so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from collapse_doctor.findings import Confidence, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite, Objective, Past, Update
from collapse_doctor.rules.rule import Match, NotExamined

Check = Callable[[str, Measurements], Sequence[Match]]
SITE = CallSite("train.py", 20, "forward", "score = z @ z.T / temperature")


def loss(step: int, flat: float | None, **other: Any) -> Objective:
    reach = None if flat is None else 4 * flat
    return Objective(
        step,
        step,
        other.pop("value", 3.9),
        outputs=(("model", "output"),),
        reach=reach,
        flat=flat,
        site=SITE,
        **other,
    )


def test_a_loss_without_room_is_told_whatever_the_embeddings_are(
    training_of: Any, check: Check
) -> None:
    seen = tuple(loss(step, 0.003) for step in range(5))
    (match,) = check("CD207", training_of(objectives=seen))
    assert match.message == (
        "The loss reads 3.9, and it is held within 0.012 of its value at collapse whatever the "
        "embeddings are."
    )
    assert (match.where.file, match.where.line, match.where.step) == ("train.py", 20, 0)
    assert match.confidence == Confidence.HIGH
    assert (match.evidence["flat"].value, match.evidence["flat"].bound) == (0.003, 0.05)


def test_a_value_at_collapse_that_is_known_is_told(training_of: Any, check: Check) -> None:
    known = {"collapsed": math.log(50), "kind": "a loss", "formula": "ln(50)"}
    seen = tuple(loss(step, 0.003, **known) for step in range(3))
    (match,) = check("CD207", training_of(objectives=seen))
    assert "a loss gives ln(50) = 3.912 when all embeddings are equal, and it is held" in (
        match.message
    )


def stepped(eps: float | None, **other: Any) -> Update:
    return Update(step=0, model="model", optimizer="any", eps=eps, **other)


@pytest.mark.parametrize(
    ("updates", "severity"),
    [
        ((), None),
        ((stepped(None),), None),
        ((stepped(1e-8),), Severity.WARNING),
        ((stepped(1e-8), stepped(None)), None),
        ((stepped(1e-8), stepped(None, idle=True)), Severity.WARNING),
        ((msgspec.structs.replace(stepped(1e-8), model="other"),), None),
    ],
)
def test_it_is_a_warning_where_the_optimizer_makes_up_for_small_gradients(
    training_of: Any, check: Check, updates: tuple[Update, ...], severity: Severity | None
) -> None:
    seen = tuple(loss(step, 0.003) for step in range(3))
    (match,) = check("CD207", training_of(objectives=seen, updates=updates))
    assert match.severity == severity
    assert ("few directions" in match.cause) == (severity is Severity.WARNING)


@pytest.mark.parametrize(
    ("shares", "step"),
    [
        ((0.05, 0.05, 0.05), 0),
        ((0.3, 0.01, 0.01, 0.01), 1),
        ((0.3, 0.01, 0.01), None),  # too few looks
        ((0.01, 0.01, 0.01, 0.3), None),  # a warm-up of the temperature
        ((0.051, 0.051, 0.051), None),
        ((0.01, 0.011, 0.0125), 0),
        ((0.01, 0.011, 0.013), None),  # a learnt factor that grows
        ((0.01, None, 0.01, 0.01), None),
        ((0.0, 0.0, 0.0), 0),
    ],
)
def test_how_little_room_and_for_how_long(
    training_of: Any, check: Check, shares: tuple[float | None, ...], step: int | None
) -> None:
    seen = [loss(number, flat) for number, flat in enumerate(shares)]
    try:
        matches = check("CD207", training_of(objectives=tuple(seen)))
    except NotExamined:
        matches = []
    assert [match.where.step for match in matches] == ([] if step is None else [step])


def test_a_loss_that_is_not_finite_is_not_held(training_of: Any, check: Check) -> None:
    seen = tuple(loss(step, 0.003, value=None) for step in range(3))
    with pytest.raises(NotExamined, match="is not known"):
        check("CD207", training_of(objectives=seen))


def test_a_loss_of_other_layers_is_not_told_here(training_of: Any, check: Check) -> None:
    outputs = (("teacher", "output"),)
    seen = tuple(msgspec.structs.replace(loss(s, 0.003), outputs=outputs) for s in range(3))
    assert check("CD207", training_of(objectives=seen)) == []


def short(step: int, unevenness: float | None) -> Objective:
    known = {"collapsed": math.log(64), "value": math.log(64), "logits": 1.0}
    return loss(step, None, unevenness=unevenness, **known)


@pytest.mark.parametrize(
    ("shares", "begun"),
    [
        ((0.0, 0.0, 0.0, 0.0), 0),
        ((0.5, 0.01, 0.0, 0.0), 1),
        ((0.5, 0.5, 0.5, 0.5), 200),
        ((0.0, 0.0, 0.5, 0.0), 202),
        ((None, None, None, None), 200),
    ],
)
def test_even_targets_are_told_since_they_are(
    training_of: Any, check: Check, shares: tuple[float | None, ...], begun: int
) -> None:
    steps = (0, 1, 200, 201) if begun != 202 else (0, 1, 200, 202)
    seen = [short(step, share) for step, share in zip(steps, shares, strict=True)]
    seen.append(short(203, shares[-1]))
    measurements = training_of({"norm_mean": 1.0}, {"norm_mean": 8.0}, objectives=tuple(seen))
    (match,) = check("CD207", measurements)
    assert match.where.step == begun
    asked = "asked for the same share of every candidate since step"
    assert (asked in match.cause) == (shares[-1] == 0.0)


WRITTEN = CallSite("train.py", 12, "main", "bank[ids] = z.detach()")


@pytest.mark.parametrize(
    ("lasts", "step"),
    [
        ((7, 7, 7), 8),
        ((3, 7, 7), 9),  # what was read first was renewed once more
        ((3, 4, 7), 20),
    ],
)
def test_a_store_is_told_since_nothing_was_written_into_it(
    compared: Any, training_of: Any, check: Check, lasts: tuple[int, ...], step: int
) -> None:
    calls = []
    for at, last in zip((8, 9, 20, 29, 30), (*lasts, lasts[-1], lasts[-1]), strict=True):
        names = ("z", "bank[ids]")
        if at >= 20:
            one = compared("stale", step=at, names=names, cut=True, age=at - 4)
        else:
            one = compared(step=at, names=names, cut=True)
        past = Past(1, 0, last, site=WRITTEN, is_store=True)
        calls.append(msgspec.structs.replace(one, past=past))
    matches = check("CD106", training_of(comparisons=calls))
    assert [match.where.step for match in matches] == [step]
