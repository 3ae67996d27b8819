"""Modules in plain containers are found, and what is registered, too, is not."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from collapse_doctor.inspector.source.faultlines import assigned_at
from collapse_doctor.inspector.wiring.parts import entries, hidden_entries
from collapse_doctor.inspector.wiring.unregistered import find_hidden


class Holding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.known = nn.Linear(2, 2)
        self.listed = [nn.Linear(2, 2), self.known]
        self.named = {"a": nn.Linear(2, 2)}
        self.teacher = (nn.Linear(2, 2).eval(),)
        self.numbers = [1, 2]


def test_hidden_modules_are_found_by_name() -> None:
    model: Any = nn.Sequential(Holding())
    hidden = find_hidden(model)
    assert [one.name for one in hidden] == ["0.listed[0]", "0.named['a']", "0.teacher[0]"]
    found = hidden_entries(hidden, entries(model))
    assert [one.name for one in found] == [
        f"{name}.{kind}" for name in ("0.listed[0]", "0.named['a']") for kind in ("weight", "bias")
    ]


def test_the_line_that_lists_them_is_told() -> None:
    (first, *_) = find_hidden(Holding())
    site = assigned_at(first.owner, first.attribute)
    assert site is not None
    assert site.source.startswith("self.listed = [")
    assert assigned_at(nn.Linear(2, 2), "weight") is None


def test_a_model_without_any_has_none() -> None:
    assert find_hidden(nn.Sequential(nn.Linear(2, 2), nn.ModuleList([nn.Linear(2, 2)]))) == []
    assert torch.is_grad_enabled()
