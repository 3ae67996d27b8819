"""The stand-in for a device knows what would wait for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.pacing import later
from tests.inspector.elsewhere import LAG, Breach, pretend

WAYS_TO_WAIT: dict[str, Callable[[Tensor], Any]] = {
    "a number": float,
    "a truth": lambda z: bool((z > 0).all()),
    "a list": lambda z: z.tolist(),
    "an array": lambda z: z.numpy(),
    "an array of NumPy's making": np.asarray,
    "moved": lambda z: z.cpu(),
    "copied": lambda z: torch.empty(4).copy_(z),
    "equal": lambda z: torch.equal(z, z),
    "near": lambda z: torch.allclose(z, z),
    "where": lambda z: z.nonzero(),
    "selected by a mask": lambda z: z[z > 0],
    "distinct": lambda z: z.unique(),
    "of two devices": lambda z: z + torch.ones(4),
    "printed": str,
    "not there yet": lambda z: later.send([z]).read(),
}


@pytest.mark.parametrize("way", WAYS_TO_WAIT)
def test_the_stand_in_knows_the_ways_to_wait(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    z, one = torch.arange(4.0), torch.tensor(1.0)
    device = pretend(monkeypatch)
    device.runs = True
    with Aside(), pytest.raises(Breach):
        WAYS_TO_WAIT[way](one if way == "a number" else z)
    assert len(device.breaches) == 1


def test_what_it_makes_of_numbers_and_what_has_arrived_is_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    z = torch.arange(4.0)
    device = pretend(monkeypatch)
    device.runs = True
    with Aside():
        sent = later.send([z])
        device.step += LAG
        arrived = sent.read()[0]
        z.zero_()
        made = torch.tensor([1.0]), torch.ones(4), torch.from_numpy(np.ones(4)), arrived[:2] * 2
        assert [float(one.sum()) for one in (arrived, *made)] == [6.0, 1.0, 4.0, 4.0, 2.0]
        assert not device.is_here(z * 2)
    assert device.breaches == []
