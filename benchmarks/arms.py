"""The ways in which one and the same training is run: bare, watched, watched by others."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.trainings import Job
from collapse_doctor import Inspector

__all__ = ["AGAIN", "ARMS", "BARE", "WATCHED", "Arm", "Watched", "installed"]


@dataclass
class Watched:
    """What the loop calls after each step, and the share of time the tool says it took.

    ``share`` is asked for when all times are taken: the Inspector measures then what it put off.
    """

    told: Callable[[Tensor], None]
    share: Callable[[], float | None] = lambda: None


@dataclass(frozen=True)
class Arm:
    """A name, and the block to train in: made from the training and a path that is free.

    ``needs`` names the package that must be installed for it.
    """

    name: str
    watch: Callable[[Job, Path], AbstractContextManager[Watched]]
    needs: str = ""


def _nothing(_loss: Tensor) -> None:
    pass


@contextlib.contextmanager
def _bare(_job: Job, _folder: Path) -> Iterator[Watched]:
    yield Watched(_nothing)


SCRAPS = 3000
"""Objects of 0.6 to 3.6 KB: what reading a configuration or a list of files leaves behind."""


@contextlib.contextmanager
def _bare_and_worn(_job: Job, _folder: Path) -> Iterator[Watched]:
    """Watch nothing, in memory in which a few small objects were made before and some were kept.

    A training that begins in a fresh process has its memory in one piece, and takes and gives it
    back in the same order at every step. Whatever else makes objects ends that.
    """
    made: list[bytes | None] = [bytes(600 + i % 3000) for i in range(SCRAPS)]
    for i in range(SCRAPS):
        if i % 3:
            made[i] = None
    yield Watched(_nothing)
    made.clear()


@contextlib.contextmanager
def _watched(job: Job, _folder: Path) -> Iterator[Watched]:
    with Inspector(job.models) as inspector:
        yield Watched(_nothing, partial(reported_share, inspector))


@contextlib.contextmanager
def _written(job: Job, folder: Path) -> Iterator[Watched]:
    with Inspector(job.models, out=folder) as inspector:
        yield Watched(_nothing, partial(reported_share, inspector))


def reported_share(inspector: Inspector) -> float | None:
    """Return the share of the training's time that the Inspector says it took."""
    cost = inspector.recording.cost
    return cost.spent / cost.elapsed if cost is not None else None


@contextlib.contextmanager
def _autopsied(job: Job, _folder: Path) -> Iterator[Watched]:
    """Use torchmortem as its README says: its default sampling, the loss told as a number.

    It analyses what it saw on leaving the block. That stays in its whole run; compare the tools
    by the training alone.
    """
    autopsy: Any = importlib.import_module("torchmortem").Autopsy(
        job.module, optimizer=job.optimizer
    )
    with warnings.catch_warnings(), autopsy:
        warnings.simplefilter("ignore")  # its backward hooks warn in every training
        yield Watched(lambda loss: autopsy.step(loss=loss.item()))


BARE = Arm("bare", _bare)
AGAIN = Arm("bare again", _bare)
WORN = Arm("bare, worn memory", _bare_and_worn)
WATCHED = Arm("watched", _watched)
ARMS = (
    BARE,
    AGAIN,
    WORN,
    WATCHED,
    Arm("watched, out=folder", _written),
    Arm("torchmortem", _autopsied, needs="torchmortem"),
)


def installed(arm: Arm) -> bool:
    """Tell whether an arm can be run here."""
    return not arm.needs or importlib.util.find_spec(arm.needs) is not None
