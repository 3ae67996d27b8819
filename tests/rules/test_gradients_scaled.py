"""Gradients that a number in the loss takes away or makes grow; what took another's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite, Factor, Objective, Part, Reach, Update
from collapse_doctor.rules.rule import Match

Check = Callable[[str, Measurements], list[Match]]
STEPS = range(0, 60, 4)
USED, MOVED = CallSite("train.py", 20), CallSite("train.py", 30)


def update(step: int, gradient: float = 0.1, **other: Any) -> Update:
    part = Part(
        "body", 2, 2, "float32", 64, 64, 60, gradient=gradient, weight=0.2, change=gradient / 20
    )
    return Update(step, "model", "SGD", rate=0.05, parts=(part,), **other)


def objective(step: int, factor: float = 1.0, added: float | None = None) -> Objective:
    moved = None if 0.1 < factor < 10 else MOVED
    ours = (("model", "output"),) if added is None else ()
    return Objective(
        step, step, 1.0, outputs=ours, factors=(Factor(factor, USED, moved),), added=added
    )


def seen(gradient: Callable[[int], float], factor: Callable[[int], float]) -> dict[str, Any]:
    return {
        "updates": tuple(update(n, gradient(n)) for n in STEPS),
        "reaches": tuple(
            Reach(n, n, "model", "output", True, 1, gradient(n), made=USED) for n in STEPS
        ),
        "objectives": tuple(objective(n, factor(n)) for n in STEPS),
    }


@pytest.mark.parametrize(
    ("gradient", "factor", "line"),
    [
        (lambda n: 0.5**n, lambda n: 0.5**n, 30),
        (lambda n: 0.1, lambda n: 0.5**n, None),  # another term trains on
        (lambda n: 0.5**n, lambda n: 1.0, None),  # it was learnt: no number did it
        (lambda n: 0.5 ** min(n, 12), lambda n: 0.5 ** min(n, 12), None),  # small, and moves
    ],
)
def test_a_factor_that_goes_to_nothing(
    training_of: Any, check: Check, gradient: Any, factor: Any, line: int | None
) -> None:
    found = check("CD203", training_of(**seen(gradient, factor)))
    assert [match.where.line for match in found] == ([] if line is None else [line])


@pytest.mark.parametrize(
    ("gradient", "factor", "line"),
    [
        (lambda n: 1.2**n, lambda n: 1.2**n, 30),
        (lambda n: 1.0, lambda n: 1.2**n, None),  # what is made of it shrinks meanwhile
        (lambda n: 1.2**n, lambda n: 1.0, None),  # networks that learn have had as much
        (lambda n: 1.2**n, lambda n: 1e-3 * 1.2 ** min(n, 38), None),  # a ramp up to about one
    ],
)
def test_a_factor_that_grows_without_end(
    training_of: Any, check: Check, gradient: Any, factor: Any, line: int | None
) -> None:
    found = check("CD204", training_of(**seen(gradient, factor)))
    assert [match.where.line for match in found] == ([] if line is None else [line])


def steady(*sizes: float) -> Update:
    parts = [Part(f"b{i}", 2, 2, gradient=s, weight=1.0) for i, s in enumerate(sizes)]
    return Update(0, "model", "SGD", rate=0.1, parts=tuple(parts))


@pytest.mark.parametrize(
    ("sizes", "eps", "named"),
    [
        ((1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0), None, 1),
        ((1e-6, 1e-6, 1e-6, 1.0), None, 0),  # one factor: a branch that opens
        ((1e-4, 1e-3, 1e-2, 1e-1, 1.0), None, 0),
        ((1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0), 1e-8, 0),  # Adam makes up for it
    ],
)
def test_each_block_takes_its_share(
    training_of: Any, check: Check, sizes: tuple[float, ...], eps: float | None, named: int
) -> None:
    looks = tuple(msgspec.structs.replace(steady(*sizes), step=n, eps=eps) for n in STEPS)
    assert len(check("CD203", training_of(updates=looks))) == named


@pytest.mark.parametrize(
    ("flow", "recurrent", "named"),
    [
        ((("words", 4e4), ("rnn", 0.2), ("output", 0.3)), ("rnn",), 1),
        ((("words", 4e4), ("norm", 0.2), ("output", 0.3)), (), 0),  # one factor
        ((("words", 40.0), ("rnn", 0.2), ("output", 0.3)), ("rnn",), 0),
    ],
)
def test_a_recurrence_is_many_factors(
    training_of: Any, check: Check, flow: Any, recurrent: tuple[str, ...], named: int
) -> None:
    reaches = tuple(
        Reach(n, n, "model", "output", True, 1, 0.1, flow=flow, recurrent=recurrent) for n in STEPS
    )
    looks = tuple(update(n) for n in STEPS)
    assert len(check("CD204", training_of(updates=looks, reaches=reaches))) == named


def flat(change: float, loss: float) -> dict[str, Any]:
    part = update(0).parts[0]
    part = msgspec.structs.replace(part, gradient=1e-15, change=change)
    looks = [msgspec.structs.replace(update(n), parts=(part,)) for n in STEPS]
    losses = [msgspec.structs.replace(objective(n), value=loss) for n in STEPS]
    return {"updates": tuple(looks), "objectives": tuple(losses)}


@pytest.mark.parametrize(
    ("change", "loss", "named"),
    [(1e-11, 0.1, 1), (1e-4, 0.1, 0), (1e-11, 1e-14, 0)],  # flat; moving; at its end
)
def test_a_loss_that_is_flat_far_from_its_end(
    training_of: Any, check: Check, change: float, loss: float, named: int
) -> None:
    assert len(check("CD203", training_of(**flat(change, loss)))) == named


@pytest.mark.parametrize(
    ("added", "named"),
    [
        (lambda n: 2.0 + 0.01 * n, 1),  # the term is still there, as a number
        (lambda n: 0.0, 0),  # a zero stands for it
        (lambda n: 1.5, 0),  # a constant
    ],
)
def test_a_term_that_is_left_in_as_a_number(
    training_of: Any, check: Check, added: Callable[[int], float], named: int
) -> None:
    rest = Part("body", 2, 0, sampled=64)
    looks = [
        update(n) if n < 20 else Update(n, "model", "SGD", others=2, parts=(rest,)) for n in STEPS
    ]
    reaches = [Reach(n, n, "model", "output", graph=True, calls=n < 20) for n in STEPS]
    losses = [objective(n, added=added(n) if n >= 20 else None) for n in STEPS]
    training = training_of(updates=tuple(looks), reaches=tuple(reaches), objectives=tuple(losses))
    found = check("CD201", training)
    assert [match.where.step for match in found] == [20] * named


@pytest.mark.parametrize(("held", "moved", "named"), [(False, 0, 1), (True, 0, 0), (False, 9, 0)])
def test_a_model_that_was_replaced(
    training_of: Any, check: Check, held: bool, moved: int, named: int
) -> None:
    new = Part("body", 2, 2, "float32", 64, 64, moved, gradient=0.1, weight=0.2)
    later = [
        Update(n, "model", "SGD", holds=False, held=held, absent=2, trainable=2, parts=(new,))
        for n in STEPS
        if n >= 24
    ]
    looks = (*(update(n) for n in STEPS if n < 24), *later)
    found = check("CD202", training_of(updates=looks))
    assert [match.where.step for match in found] == [24] * named


@pytest.mark.parametrize(
    ("fresh", "trainable", "graph", "named"),
    [(True, 2, False, 1), (False, 2, False, 0), (True, 0, False, 0), (True, 2, True, 0)],
)
def test_what_is_frozen_in_its_targets_place(
    training_of: Any, check: Check, fresh: bool, trainable: int, graph: bool, named: int
) -> None:
    own = [Update(n, "online", "SGD", others=2, trainable=0) for n in STEPS]
    target = [
        Update(n, "target", "SGD", holds=False, held=False, trainable=trainable) for n in STEPS
    ]
    reaches = [
        Reach(n, n, name, "output", graph=graph and name == "target")
        for n in STEPS
        for name in ("online", "target")
    ]
    training = training_of(updates=(*own, *target), reaches=tuple(reaches))
    training = replace(training, fresh=frozenset({"online", "target"} if fresh else set()))
    found = check("CD202", training)
    assert len(found) == named
