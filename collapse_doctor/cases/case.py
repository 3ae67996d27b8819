"""What a case is: one mistake, as a training that makes it and the same training without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collapse_doctor.api import Diagnosis

__all__ = ["Case", "Training"]


class Training(Protocol):
    """A small real training under an Inspector."""

    def __call__(self, *, out: Path | None = None, seed: int = 0) -> Diagnosis:
        """Train for a few seconds and return the diagnosis.

        Parameters
        ----------
        out
            Folder of the recording; None keeps it in memory.
        seed
            Of weights, batches and augmentations. The caller's random numbers are not touched.
        """


@dataclass(frozen=True)
class Case:
    """One mistake that people make.

    Parameters
    ----------
    name
        What it is called on the command line.
    title
        What the sick training does, in half a sentence.
    story
        How it comes about, what it looks like from outside, and what cures it.
    expects
        Codes that must be found in the sick training; the first one is its root cause. Nothing
        above info may be found in the cured one.
    sick, cured
        The two trainings. They differ by the cure and nothing else.
    """

    name: str
    title: str
    story: str
    expects: tuple[str, ...]
    sick: Training
    cured: Training

    def run(self, *, out: Path | None = None, seed: int = 0) -> Diagnosis:
        """Run the sick training: what a demonstration shows."""
        return self.sick(out=out, seed=seed)
