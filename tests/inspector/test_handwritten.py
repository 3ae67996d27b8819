"""Comparisons that are written by hand are seen for what they are, and nothing else is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from collapse_doctor.api import Inspector
from tests.inspector.by_hand import HEALTHY, SICK
from tests.inspector.test_programs import marked, related, train


@pytest.mark.parametrize("name", SICK)
def test_alias_in_a_comparison_by_hand(name: str) -> None:
    program = SICK[name]
    found = related(train(program))
    assert {relation.kind for c in found for relation in c.relations} == {program.kind}
    assert sorted({c.step for c in found}) == list(range(program.first, 4))
    met, born = marked(program, "met"), marked(program, "born")
    if met is not None:
        assert {c.site.line for c in found} == {met}
    if born is not None:
        assert [birth.line for birth in found[0].births] == [born]


@pytest.mark.parametrize(
    ("name", "made"), [("returned_twice", "return z, z"), ("returned_under_two_names", "other = z")]
)
def test_alias_that_is_born_in_another_function(name: str, made: str) -> None:
    (birth,) = related(train(SICK[name]))[0].births
    assert birth.source == made


@pytest.mark.parametrize("name", HEALTHY)
def test_look_alikes_by_hand_are_not_related(name: str) -> None:
    assert related(train(HEALTHY[name], steps=6)) == []


def test_what_is_equal_at_first_only_is_no_finding() -> None:
    """The policy that acted is the one that learns, before its first update."""
    torch.manual_seed(0)
    model = nn.Linear(20, 16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    states = torch.randn(8, 20)
    with Inspector(model) as inspector:
        old = model(states).detach()
        for _ in range(4):
            new = model(states)
            loss = (new - old).pow(2).mean() + model(torch.randn(8, 20)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert [c.relations != () for c in inspector.recording.comparisons] == [True] + 3 * [False]
    assert not [f for f in inspector.diagnose().findings if f.code.startswith("CD1")]
