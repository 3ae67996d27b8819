"""Comparisons are seen as they are, in whatever style they are written."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from collapse_doctor.inspector.watch import Watch
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.observations import Comparison
from tests.inspector.programs import HEALTHY, SICK, Program


def train(program: Program, steps: int = 4) -> Recording:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 16))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    memory: dict[str, Any] = {"optimizer": optimizer}
    with Watch({"model": model}) as watch:
        for _ in range(steps):
            view1 = torch.randn(8, 20)
            view2 = view1 + 0.1 * torch.randn(8, 20)
            loss = program.body(model, view1, view2, memory)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not [notice for notice in watch.recording.notices if notice.about == "inspector"]
    return watch.recording


def related(recording: Recording) -> list[Comparison]:
    return [comparison for comparison in recording.comparisons if comparison.relations]


def marked(program: Program, mark: str) -> int | None:
    lines, first = inspect.getsourcelines(program.body)
    places = [first + n for n, line in enumerate(lines) if line.rstrip().endswith(f"# {mark}")]
    return places[0] if places else None


@pytest.mark.parametrize("name", SICK)
def test_alias_is_seen_for_what_it_is(name: str) -> None:
    program = SICK[name]
    found = related(train(program))
    assert {relation.kind for c in found for relation in c.relations} == {
        kind for kind in (program.kind, program.behind) if kind
    }
    assert found[0].step == program.first
    assert len(found) == 4 - program.first, "seen at every step"


@pytest.mark.parametrize("name", [n for n, p in SICK.items() if marked(p, "met")])
def test_line_where_operands_meet(name: str) -> None:
    found = related(train(SICK[name]))
    assert found[0].site.line == marked(SICK[name], "met")
    assert found[0].site.file == __file__.replace("test_programs", "programs")


@pytest.mark.parametrize("name", [n for n, p in SICK.items() if marked(p, "born")])
def test_line_where_the_alias_was_born(name: str) -> None:
    found = related(train(SICK[name]))
    assert [birth.line for birth in found[0].births] == [marked(SICK[name], "born")]
    assert found[0].births[0].source.endswith("# born")


@pytest.mark.parametrize("name", HEALTHY)
def test_look_alikes_are_not_related(name: str) -> None:
    assert related(train(HEALTHY[name], steps=6)) == []


def test_operands_are_named_as_written() -> None:
    (first, *_) = related(train(SICK["second_name"]))
    assert [operand.expression for operand in first.operands] == ["anchor", "positive"]
    assert first.function == "F.cosine_similarity"
    assert first.similarity == pytest.approx(1.0)


def test_origin_and_path_of_operands() -> None:
    first = related(train(SICK["detached_copy"]))[0]
    origin = first.operands[1].origin
    assert origin is not None
    assert (origin.model, origin.layer, origin.step) == ("model", "output", 0)
    assert origin.path == ("detach", "clone")
    assert first.operands[0].requires_grad
    assert not first.operands[1].requires_grad


def test_age_of_a_stale_operand() -> None:
    ages = [c.relations[0].age for c in related(train(SICK["last_batch"]))]
    assert ages == [1, 1, 1]
    ages = [c.relations[0].age for c in related(train(SICK["first_batch_for_ever"]))]
    assert ages == [1, 2, 3]


def test_use_of_an_output_is_recorded() -> None:
    recording = train(SICK["second_name"])
    uses = {(use.layer, use.purpose) for use in recording.uses}
    assert uses == {("output", "compared"), ("output", "directed")}
