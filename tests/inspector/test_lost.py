"""A buffer is followed from one filling to the next, and whoever reads it is seen."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from collapse_doctor.inspector.memory.fills import FILLING, Memory, filled
from collapse_doctor.inspector.memory.lost import CALM, Lost
from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.source.rebound import (
    are_two_names,
    is_rebound,
    operand_text,
    repeats,
)


def watched(body: Callable[[Tensor], Any]) -> tuple[Lost, Any]:
    """Run a body in a window that a Lost listens to; return both, the step not ended."""
    lost = Lost()
    window = ModeWindow(frozenset(), lambda *_: None, lost, lost.called)
    window.enter()
    try:
        result = body(torch.empty(6, 4))
    finally:
        window.leave()
    return lost, result


def fill(buffer: Tensor, value: float) -> Tensor:
    rows = buffer[:3]
    rows.copy_(torch.full((3, 4), value))
    return rows


def test_the_first_of_two_is_lost_and_what_is_made_of_it() -> None:
    def body(buffer: Tensor) -> tuple[Tensor, ...]:
        one, other = [fill(buffer, v) for v in (1.0, 2.0)]
        return one, other, one - 0.5, other - 0.5

    lost, (one, other, of_one, of_other) = watched(body)
    assert [lost.of(t) is None for t in (one, other, of_one, of_other)] == [
        False,
        True,
        False,
        True,
    ]
    found = lost.of(one)
    assert found is not None
    assert found.operation == "copy_"
    assert found.site is not None
    assert found.site.function == "fill"


READING: dict[str, Callable[[Tensor], Any]] = {
    "a sum": lambda t: t.sum(),
    "a number": lambda t: t[0, 0].item(),
    "a list": lambda t: t.tolist(),
    "text": lambda t: f"{t}",
    "an array": lambda t: t.numpy(),
    "an address": lambda t: t.data_ptr(),
    "an element of a list": lambda t: torch.stack([t, t]),
    "a keyword": lambda t: torch.add(input=t, other=1.0),
    "what is compared": lambda t: torch.equal(t, t),
    "a truth": lambda t: bool((t > 0).all()),
    "in place": lambda t: t.add_(1.0),
}
ASKING: dict[str, Callable[[Tensor], Any]] = {
    "a shape": lambda t: (t.shape, t.size(0), t.dim(), len(t), t.numel()),
    "a type": lambda t: (t.dtype, t.device, t.requires_grad, t.is_contiguous()),
    "a view": lambda t: (t[1:], t.T, t.detach(), t.view(-1), t.unsqueeze(0)),
    "a clean sheet": lambda t: t.zero_(),
}


@pytest.mark.parametrize("how", [*READING, *ASKING])
def test_what_was_read_is_not_lost(how: str) -> None:
    def body(buffer: Tensor) -> list[Tensor]:
        kept = []
        for value in (1.0, 2.0):
            kept.append(fill(buffer, value))
            {**READING, **ASKING}[how](kept[-1])
        return kept

    lost, (one, _) = watched(body)
    assert (lost.of(one) is None) == (how in READING)


def test_other_elements_of_one_memory_are_no_loss() -> None:
    def body(buffer: Tensor) -> list[Tensor]:
        kept = []
        for i in range(4):
            buffer[i] = torch.ones(4)
            kept.append(buffer[i])
            buffer[:, i] = torch.ones(6)
        return kept

    lost, kept = watched(body)
    assert [lost.of(row) for row in kept] == [None] * 4


def test_what_was_missed_may_have_been_read() -> None:
    lost = Lost()

    def body(buffer: Tensor) -> list[Tensor]:
        kept = []
        for value in (1.0, 2.0):
            kept.append(fill(buffer, value))
            lost.has_missed = True
        return kept

    window = ModeWindow(frozenset(), lambda *_: None, lost, lost.called)
    window.enter()
    try:
        one, _ = body(torch.empty(6, 4))
    finally:
        window.leave()
    assert lost.of(one) is None


def test_a_line_that_loses_nothing_is_let_alone() -> None:
    lost = Lost()
    window = ModeWindow(frozenset(), lambda *_: None, lost, lost.called)
    buffer, armed = torch.empty(6, 4), []
    window.enter()
    try:
        for _ in range(CALM + 1):
            for value in (1.0, 2.0):
                fill(buffer, value).sum()
            armed.append(lost.is_armed)
            lost.end_step()
    finally:
        window.leave()
    assert armed == [True] * CALM + [False]


def test_a_line_that_begins_to_fill_twice_is_followed_again() -> None:
    lost = Lost()
    window = ModeWindow(frozenset(), lambda *_: None, lost, lost.called)
    buffer, armed = torch.empty(6, 4), []
    window.enter()
    try:
        for times in (1, 1, 2, 2):
            for value in range(times):
                fill(buffer, value)
            armed.append(lost.is_armed)
            lost.end_step()
    finally:
        window.leave()
    assert armed == [True, False, False, True]


def test_what_is_no_buffer_is_not_followed() -> None:
    row, setitem = torch.ones(4), Tensor.__setitem__
    assert {Tensor.copy_, setitem} == FILLING
    assert filled(Tensor.copy_, (nn.Parameter(torch.ones(3, 4)), row), {}) is None
    assert filled(Tensor.copy_, (torch.from_numpy(np.ones((3, 4))), row), {}) is None
    assert filled(Tensor.copy_, (torch.ones(3, 4).long(), row), {}) is None
    assert filled(setitem, (torch.ones(3, 4), torch.tensor([0, 2]), row), {}) is None
    assert filled(setitem, (torch.ones(3, 4), 0, 1.0), {}) is None
    part = filled(setitem, (torch.ones(3, 4), (slice(1, 3), ...), row), {})
    assert part is not None
    assert part.shape == (2, 4)


def test_a_memory_that_is_gone() -> None:
    buffer = torch.ones(3, 4)
    memory = Memory(buffer)
    assert not memory.is_gone
    del buffer
    assert memory.is_gone


LOOPS = {
    "for p, t in zip(ps, ts):\n    use(p, t)": True,
    "for p in ps:\n    use(p, t)": False,
    "for i in range(2):\n    t = ts[i]\n    use(ps[i], t)": True,
    "for i in range(2):\n    t = made\n    use(ps[i], t)": False,
    "for t in ts:\n    for p in ps:\n        use(p, t)": False,
    "x = [\n  use(p, t) for p, t in zip(ps, ts)]": True,
}


@pytest.mark.parametrize("source", LOOPS)
def test_whether_each_round_has_its_own(source: str) -> None:
    tree = ast.parse(source)
    (line,) = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "use"]
    assert is_rebound(tree, "t", line) is LOOPS[source]


def test_two_names_and_one_for_another() -> None:
    tree = ast.parse("a = f(x)\nb = f(y)\nc = a")
    assert are_two_names(tree, "a", "b")
    assert not are_two_names(tree, "a", "c")
    assert not are_two_names(tree, "a", "unknown")
    assert are_two_names(tree, "kept[0]", "kept[1]")
    assert not are_two_names(tree, "kept[i]", "kept[j]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[t] * 2", True), ("(t, t)", True), ("repeat(t)", True), ("zip(a, b)", False), ("v", True)],
)
def test_what_holds_one_thing_several_times(text: str, expected: bool) -> None:
    assert repeats(ast.parse("v = [t, t]"), text) is expected


def test_how_an_argument_is_written() -> None:
    def written(text: str, place: int, count: int) -> str | None:
        node = ast.parse(text, mode="eval").body
        assert isinstance(node, ast.Call | ast.BinOp)
        return operand_text(node, place, count)

    assert written("a - b", 1, 2) == "b"
    assert written("a.sub(b)", 0, 2) == "a"
    assert written("torch.sub(a, b)", 0, 2) == "a"
    assert written("head(a)", 1, 3) is None
    assert written("f(*both)", 0, 2) is None
