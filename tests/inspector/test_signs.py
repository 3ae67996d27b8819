"""What a step leaves behind tells whether it did something else than the steps before it."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_doctor.inspector.pacing.signs import CALM, MOST_KINDS, Signs

QUIET = 3 + CALM


def stepped(signs: Signs, output: Tensor, *, nodes: int = 1, unseen: bool = True) -> bool:
    """Take one step that gives ``output`` and makes so many nodes; tell whether it was new."""
    weight = torch.ones(2, requires_grad=True)
    for _ in range(nodes):
        _ = weight * 2
    signs.gave(output)
    return signs.is_new(unseen=unseen)


def quiet() -> tuple[Signs, Tensor]:
    signs, output = Signs(), torch.zeros(3, 2)
    assert not any(stepped(signs, output) for _ in range(QUIET))
    return signs, output


def test_another_number_of_nodes_is_new_once() -> None:
    signs, output = quiet()
    assert [stepped(signs, output, nodes=n) for n in (2, 1, 2)] == [True, False, False]


def test_a_second_name_of_the_output_is_new() -> None:
    signs, output = quiet()
    target = output
    assert stepped(signs, output)
    assert target is output


def test_a_detached_alias_of_the_output_is_new() -> None:
    signs, output = quiet()
    target = output.detach()
    assert stepped(signs, output)
    assert target.data_ptr() == output.data_ptr()


def test_in_steps_that_were_seen_nothing_is_new_and_nothing_is_learnt() -> None:
    signs, output = quiet()
    assert not stepped(signs, output, nodes=5, unseen=False)
    assert stepped(signs, output, nodes=5)


def test_where_no_step_is_like_another_nothing_is_new() -> None:
    signs, output = Signs(), torch.zeros(3, 2)
    assert not any(stepped(signs, output, nodes=n) for n in range(1, 3 * MOST_KINDS))


def test_a_step_that_is_unlike_the_others_soon_after_one_is_not_told_again() -> None:
    signs, output = quiet()
    found = [stepped(signs, output, nodes=n) for n in (2, 3, *([1] * CALM), 4)]
    assert found == [True, False, *([False] * CALM), True]


def test_it_looks_into_what_a_pass_gives_and_keeps_none_of_it() -> None:
    signs, output = Signs(), torch.zeros(3, 2)
    signs.gave(([output], "text"))
    assert signs._last is not None
    assert signs._last() is output
    del output
    assert signs._last() is None
    for odd in (None, (), {"z": 1}, torch.nn.Parameter(torch.zeros(1))):
        signs.gave(odd)
        assert not signs.is_new(unseen=True)


def test_a_tensor_without_memory_of_its_own_is_no_fault() -> None:
    signs = Signs()
    sparse = torch.eye(3).to_sparse()
    signs.gave(sparse)
    assert not signs.is_new(unseen=True)
