"""A fault in reading source costs a line, and never the watch."""

from __future__ import annotations

import threading
from types import NoneType, SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.inspector import source
from collapse_doctor.inspector.comparing import birthplaces
from collapse_doctor.inspector.source.reading import given_up, reading

state = SimpleNamespace()


@pytest.fixture(autouse=True)
def as_for_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source.reading, "tells", False)


@reading(list)
def first_words(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()]


def test_a_fault_gives_what_is_said_and_is_told_once() -> None:
    assert first_words("a b\nc d") == ["a", "c"]
    assert given_up() == ()
    assert first_words("a\n\nb") == []
    assert first_words("\n") == []
    (said,) = given_up()
    assert said.startswith("IndexError at test_reading.py:")
    assert given_up() == ()


def test_an_interrupt_passes() -> None:
    @reading(NoneType)
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_faults_of_another_thread_are_its_own() -> None:
    thread = threading.Thread(target=first_words, args=("\n",))
    thread.start()
    thread.join()
    assert given_up() == ()


def test_a_finding_stands_without_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unforeseen(*_args: object) -> None:
        raise LookupError("a way to write that nobody foresaw")

    monkeypatch.setattr(birthplaces, "birth_of", unforeseen)
    monkeypatch.setattr(birthplaces, "junction_of", unforeseen)
    model = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Inspector(model) as inspector:
        for _ in range(12):
            z1 = model(torch.randn(8, 6))
            z2 = z1
            loss = 1 - F.cosine_similarity(z1, z2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    diagnosis = inspector.diagnose()
    assert diagnosis.findings[0].code == "CD101"
    assert "some source could not be read" in str(diagnosis)
    assert "switched itself off" not in str(diagnosis)


def test_a_method_of_a_tensor_that_lies_in_a_global_object_is_looked_up() -> None:
    """A tensor has no truth value: asking for it once switched the watch off."""
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Inspector(model) as inspector:
        for _ in range(12):
            state.one = model(torch.randn(16, 8))
            state.other = model(torch.randn(16, 8))
            loss = state.one.matmul(state.other.t()).logsumexp(1).mean()
            loss = loss - state.one.mul(state.other).sum(-1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert "fault" not in str(inspector.diagnose())
