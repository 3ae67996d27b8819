"""Which process this is, with whom it meets, and when."""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

import torch.distributed as dist

from collapse_doctor.recording.observations import Manifest

__all__ = ["Place", "group_place", "is_meeting", "place", "plan_of"]


class Place(NamedTuple):
    """Number of a process, and how many there are."""

    rank: int
    world: int


def group_place() -> Place | None:
    """Return where this process stands in its process group, or None while there is none."""
    if dist.is_available() and dist.is_initialized():
        return Place(dist.get_rank(), dist.get_world_size())
    return None


def place() -> Place:
    """Return where this process stands: in its process group, else by what launched it."""
    grouped = group_place()
    if grouped is not None:
        return grouped
    try:
        launched = Place(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    except (KeyError, ValueError):
        return Place(0, 1)
    return launched if 0 <= launched.rank < launched.world else Place(0, 1)


def is_meeting(step: int) -> bool:
    """Tell whether processes send what they have when ``step`` steps are over.

    After 1, 2 and 4 steps, then four times per doubling: the last meeting is never further back
    than a fifth of the training.
    """
    if step < 8:
        return step in (1, 2, 4)
    return step % (1 << ((step // 4).bit_length() - 1)) == 0


def plan_of(manifest: Manifest) -> str:
    """Return a short name for what is watched, equal in processes that watch the same."""
    watched = [(m.name, m.kind, [layer.name for layer in m.layers]) for m in manifest.models]
    return hashlib.sha256(repr(watched).encode()).hexdigest()[:16]
