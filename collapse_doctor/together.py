"""One pass over a source of rows: on one device, or shared by the processes of ``torchrun``.

Each process reads its share of the rows; the summaries, which merge, are gathered by the first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed

from collapse_doctor.errors import CollapseDoctorError, InputError, UsageError
from collapse_doctor.readers.source import Source
from collapse_doctor.summary import EmbeddingSummary

__all__ = ["ALONE", "Place", "device_named", "processes", "summarise"]

Told = Callable[[int], None]
"""Is told how many rows were taken in, after each chunk."""


@dataclass(frozen=True)
class Place:
    """Which of how many processes this is; the first one (0) has the result."""

    number: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process reports."""
        return self.number == 0


ALONE = Place()


@contextlib.contextmanager
def processes() -> Iterator[Place]:
    """Join the processes that ``torchrun`` started, if it did, for as long as the block lasts."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count < 2 or not distributed.is_available():
        yield ALONE
        return
    distributed.init_process_group("gloo")  # summaries are small, and gathered on the CPU
    try:
        yield Place(distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()


def device_named(name: str) -> torch.device:
    """Return a device that is there.

    Raises
    ------
    UsageError
        For a name torch does not know, or a device that this machine has not got.
    """
    remedy = "leave --device out to work on the CPU"
    try:
        device = torch.device(name)
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, TypeError, AssertionError) as error:
        words = str(error).partition("\n")[0][:80]
        expected = "a device with double precision that this machine has (cpu, cuda, cuda:1)"
        raise UsageError(expected, f"{name!r} ({words})", remedy=remedy) from error
    return device


def summarise(
    source: Source,
    *,
    device: torch.device | None = None,
    place: Place = ALONE,
    told: Told = lambda _rows: None,
) -> EmbeddingSummary | None:
    """Return the summary of all rows; None in all processes but the first.

    The numbers are those of one process, up to rounding; the sample, which is drawn, is another.

    Raises
    ------
    InputError
        If fewer than two rows are finite, or a file turns out to be damaged. Of several
        processes the first raises what any of them met.
    """
    if place.count == 1:
        return _checked(_pass(source, device, place, told), source)
    outcome: EmbeddingSummary | CollapseDoctorError
    try:
        outcome = _pass(source, device, place, told)
    except CollapseDoctorError as error:
        outcome = error
    gathered: list[Any] | None = [None] * place.count if place.is_first else None
    distributed.gather_object(outcome, gathered)
    if gathered is None:
        return None
    whole = EmbeddingSummary(source.width, dtype=source.dtype)
    for part in gathered:
        if isinstance(part, CollapseDoctorError):
            raise part
        whole.merge(part)
    return _checked(whole, source)


def _pass(
    source: Source, device: torch.device | None, place: Place, told: Told
) -> EmbeddingSummary:
    summary = EmbeddingSummary(source.width, dtype=source.dtype, seed=place.number)
    start, last = source.share(place.number, place.count)
    for chunk in source.chunks(start, last):
        stop = start + len(chunk)
        labels = source.labels[start:stop] if source.labels is not None else None
        summary.add(chunk if device is None else chunk.to(device), labels)
        told(len(chunk))
        start = stop
    return summary


def _checked(summary: EmbeddingSummary, source: Source) -> EmbeddingSummary:
    if summary.count < 2:
        raise InputError(
            "at least 2 rows of finite numbers",
            f"{summary.count} finite of {summary.rows_seen} rows",
            where=source.name,
            remedy="look for the step at which the model began to give NaN: wrap the training in "
            "collapse_doctor.Inspector",
        )
    return summary
