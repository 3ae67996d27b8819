"""What a user hands over comes over as it was, whatever holds it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing._internal.two_tensor import TwoTensor

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.pacing.bringing import bring
from collapse_doctor.inspector.pacing.later import Later
from tests.inspector.elsewhere import LAG, pretend
from tests.inspector.side_by_side import notices

HANDED_OVER: dict[str, tuple[int, Any]] = {
    "a tensor": (1, torch.arange(4)),
    "a tensor that takes a gradient": (1, torch.ones(3, requires_grad=True)),
    "a label for each row": (1, [torch.tensor(n) for n in range(5)]),
    "several shapes": (2, (torch.ones(2), torch.zeros(3, dtype=torch.long), "word")),
    "a dict of lists": (1, {"a": [torch.ones(1), 2], "b": {"c": torch.zeros(1)}, "d": None}),
}
"""What users hand over, and as how many tensors it comes over."""
PLAIN: list[Any] = [3, 0.5, "word", None, [1, 2], [], ["a"], {"a": 1}, object()]


def listed(value: Any) -> Any:
    """Return a value with lists and their type in place of tensors."""
    match value:
        case Tensor():
            return value.dtype, value.tolist()
        case dict():
            return {key: listed(item) for key, item in value.items()}
        case list() | tuple():
            return type(value)(map(listed, value))
    return value


@pytest.mark.parametrize("name", HANDED_OVER)
def test_it_arrives_as_it_was(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, value = HANDED_OVER[name]
    expected = listed(value)
    device, waiting, heard = pretend(monkeypatch), Later(), list[Any]()
    device.runs = True
    with Aside():
        bring(value, waiting, heard.append)
        waiting.work_off()
        assert not heard
        device.step += LAG
        waiting.work_off()
    assert len(heard) == 1
    assert listed(heard[0]) == expected
    assert device.breaches == []
    assert device.sent == sent


@pytest.mark.parametrize("value", [*PLAIN, *(value for _, value in HANDED_OVER.values())])
def test_what_is_here_is_told_at_once_and_itself(value: Any) -> None:
    heard: list[Any] = []
    bring(value, Later(), heard.append)
    assert heard[0] is value


def test_a_tensor_that_is_more_than_its_memory_is_not_read() -> None:
    two = TwoTensor(torch.ones(()), torch.ones(()))
    with Inspector(nn.Linear(2, 2)) as inspector:
        inspector.step(loss=two, labels=[two, two])
    said = {notice.about: notice.text for notice in notices(inspector) if "got a" in notice.text}
    assert said == {
        "inspector.step": "an argument was not understood: expected a plain tensor, got a TwoTensor"
    }
    assert not inspector.recording.losses


class Named(Tensor):
    """A tensor with a name of its own, as some libraries make them of labels."""


def test_a_tensor_of_the_users_own_kind_is_read() -> None:
    with Inspector(nn.Linear(2, 2)) as inspector:
        inspector.step(loss=torch.ones(()).as_subclass(Named))
    assert [loss.value for loss in inspector.recording.losses] == [1.0]
