"""What is read of buffers that are given out twice, of two names, and of inputs left unused."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from collapse_doctor.inspector.source.buffers import (
    changed_by_other_name,
    given_out_line,
    lent_twice_line,
)
from collapse_doctor.inspector.source.forgotten import is_of_the_other, repeated_call
from tests.small_trainings import marked


def tree(text: str) -> ast.Module:
    return ast.parse(textwrap.dedent(text).strip())


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("hint = t\nt -= 1\nmse(s, hint)", True),
        ("hint = t\nt.sub_(1)\nmse(s, hint)", True),
        ("hint = t\nhint -= 1\nmse(s, hint)", False),
        ("hint = t.clone()\nt -= 1\nmse(s, hint)", False),
        ("t -= 1\nhint = t\nmse(s, hint)", False),
        ("hint = t\nother -= 1\nmse(s, hint)", False),
    ],
)
def test_a_name_that_was_kept_before_the_other_was_changed(text: str, changed: bool) -> None:
    written = next(n for n, line in enumerate(text.splitlines(), 1) if "-=" in line or "_(" in line)
    assert changed_by_other_name(tree(text), "hint", written, 3) is changed


TWO = """
    def read(x):
        {fill}
        return torch.from_numpy({given})

    a = read(left)
    b = read({second})
    loss = mse(p, a) + mse(q, b)
"""


@pytest.mark.parametrize(
    ("fill", "given", "second", "line"),
    [
        ("np.copyto(scratch, net(x))", "scratch", "right", 2),
        ("scratch[:] = net(x)", "scratch", "right", 2),
        ("scratch[:] = net(x)", "scratch", "left", None),
        ("scratch = net(x)", "scratch", "right", None),
        ("scratch[:] = net(x)", "other", "right", None),
    ],
)
def test_one_buffer_lent_to_two_names(fill: str, given: str, second: str, line: int | None) -> None:
    file = tree(TWO.format(fill=fill, given=given, second=second))
    assert lent_twice_line(file, file, "a", "b", 7) == line


class Copying(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = torch.zeros(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.out.copy_(x)  # copies
        return self.out


class Told(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = torch.zeros(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        torch.mul(x, 2, out=self.out)
        return self.out  # gives


class Fresh(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


def test_the_line_that_fills_what_is_given_out() -> None:
    copying, told = (given_out_line(kind.forward.__code__) for kind in (Copying, Told))
    assert copying is not None
    assert copying.line == marked(Copying.forward, "copies")
    assert told is not None
    assert told.line == marked(Told.forward, "gives")
    assert given_out_line(Fresh.forward.__code__) is None


class Networks:
    enc: Callable[[object], object]

    def forgets(self, a: object, b: object) -> object:
        u = self.enc(a)
        v = self.enc(a)  # again
        return u, v

    def uses(self, a: object, b: object) -> object:
        return self.enc(a), self.enc(b)

    def drops(self, a: object, b: object) -> object:
        return self.enc(a), self.enc(a), self.enc(b)

    def masked(self, a: object, mask: object) -> object:
        return self.enc(a)


def test_an_input_that_is_used_twice_beside_one_that_is_not() -> None:
    found = repeated_call(Networks.forgets.__code__)
    assert found is not None
    assert found.line == marked(Networks.forgets, "again")
    assert repeated_call(Networks.uses.__code__) is None
    assert repeated_call(Networks.masked.__code__) is None
    assert repeated_call(Networks.drops.__code__) is None, "all inputs are used"


@pytest.mark.parametrize(
    ("mine", "other", "argument", "expected"),
    [
        ("text_tower", "image_tower", "batch['image']", True),
        ("self.docEncoder", "self.queryEncoder", "batch.query", True),
        ("image_tower", "text_tower", "batch['image']", False),
        ("student", "teacher", "x", False),
        ("image_student", "image_peer", "image", False),
    ],
)
def test_an_argument_that_is_named_after_the_other(
    mine: str, other: str, argument: str, expected: bool
) -> None:
    assert is_of_the_other(mine, other, argument) is expected
