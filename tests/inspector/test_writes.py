"""Memory is known by its address while it lives, and no longer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.memory.writes import (
    WRITERS,
    Slots,
    Write,
    Writes,
    replaces,
    span,
    target_of,
)
from collapse_doctor.recording.observations import CallSite, Origin


def origin(forward: int, model: str = "model") -> Origin:
    return Origin(model, "output", 0, forward)


def written(tensor: Tensor, operation: str = "add_") -> Write:
    site = CallSite("train.py", 7)
    return Write(operation, site, 1, id(tensor), *span(tensor), True, False, None, None)


def test_a_slot_that_is_taken_again_while_its_output_lives() -> None:
    slots, buffer = Slots(), torch.zeros(4, 8)
    assert slots.take(buffer, origin(0)) is None
    assert slots.take(buffer, origin(0)) is None, "one pass, two hooks"
    assert slots.take(buffer.detach(), origin(1)) == origin(0)
    assert slots.take(buffer.view(4, 8), origin(2, "other")) is None, "another model's"


def test_another_slot_of_one_storage_is_free() -> None:
    slots, ring = Slots(), torch.zeros(2, 4, 8)
    assert slots.take(ring[0], origin(0)) is None
    assert slots.take(ring[1], origin(1)) is None


def test_an_array_is_known_while_a_tensor_over_it_lives() -> None:
    slots, array = Slots(), np.zeros((4, 8), np.float32)
    first = torch.from_numpy(array)
    slots.take(first, origin(0))
    assert slots.take(torch.from_numpy(array), origin(1)) == origin(0)
    del first
    assert slots.take(torch.from_numpy(array), origin(2)) is None, "nobody holds an earlier one"


def test_an_address_that_is_used_again_is_no_slot() -> None:
    slots = Slots()
    for forward in range(200):
        assert slots.take(torch.zeros(4, 8), origin(forward)) is None
    slots.sweep()
    assert not slots._taken


def test_writes_cover_what_lies_inside_them() -> None:
    writes, buffer = Writes(), torch.zeros(4, 8)
    half = written(buffer[:2])
    writes.note(buffer[:2], half)
    assert writes.into(buffer[0]) == [half]
    assert writes.into(buffer) == []
    assert writes.into(buffer[3]) == []
    whole = written(buffer)
    writes.note(buffer, whole)
    assert writes.into(buffer.detach()) == [whole]
    assert writes.into(buffer[1]) == [half, whole]


def test_writes_are_forgotten_with_their_memory() -> None:
    writes, buffer = Writes(), torch.zeros(4, 8)
    writes.note(buffer, written(buffer))
    del buffer
    writes.sweep()
    assert not writes._spots
    assert writes.into(torch.zeros(4, 8)) == []


def test_functions_that_write() -> None:
    for function in (Tensor.add_, Tensor.zero_, torch.relu_, F.relu_, Tensor.__setitem__):
        assert function in WRITERS
    readers = (Tensor.add, Tensor.detach_, Tensor.requires_grad_, Tensor.__getitem__)
    assert not set(readers) & set(WRITERS)


@pytest.mark.parametrize(
    ("operation", "args", "kwargs", "writes"),
    [
        ("add_", (1.0,), {}, True),
        ("relu", (), {}, False),
        ("relu", (), {"inplace": False}, False),
        ("relu", (), {"inplace": True}, True),
        ("relu", (True,), {}, True),
        ("dropout", (0.5, True, False), {}, False),
        ("dropout", (0.5, True, True), {}, True),
    ],
)
def test_what_a_call_writes_into(operation: str, args: tuple, kwargs: dict, writes: bool) -> None:
    tensor = torch.zeros(3)
    assert (target_of(operation, (tensor, *args), kwargs) is tensor) == writes


def test_what_replaces_every_element() -> None:
    z, index = torch.zeros(4, 8), torch.tensor(2)
    for place in (slice(None), Ellipsis, (slice(None), slice(None))):
        assert replaces("__setitem__", (z, place, 1.0))
    for part in (0, slice(0, 2), z > 0, index, slice(None, index), (slice(None), 0)):
        assert not replaces("__setitem__", (z, part, 1.0))
    assert replaces("copy_", (z, z))
    assert not replaces("add_", (z, z))
