"""The probe batch: what a user gives for active tests, and how a model is called with it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor

from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.probing.copying import loose_tensors

__all__ = ["Batch", "batches_of"]


@dataclass(frozen=True, eq=False)
class Batch:
    """The arguments of one forward pass."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, given: Any) -> Self | None:
        """Return the batch that ``given`` stands for; None if it is nothing of the kind.

        A tensor is the only argument, a tuple or list the positional ones, a mapping those with
        keywords. Tensors are kept by reference.
        """
        if isinstance(given, Tensor):
            return cls((given,))
        if isinstance(given, tuple | list) and len(given):
            return cls(tuple(given))
        if isinstance(given, Mapping) and given and all(isinstance(key, str) for key in given):
            return cls(kwargs=dict(given))
        return None

    def copied(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return arguments of their own memory: a model may write into what it is given."""
        own = (self.args, dict(self.kwargs or {}))
        copies: tuple[tuple[Any, ...], dict[str, Any]] = copy.deepcopy(own, loose_tensors(own))
        return copies


def batches_of(given: Mapping[str, Any] | None, models: Mapping[str, Any]) -> dict[str, Batch]:
    """Return the probe batch of each model, as far as there are any.

    Raises
    ------
    UsageError
        For the name of a model that is not watched, or what no forward pass takes.
    """
    if given is not None and not isinstance(given, Mapping):
        raise UsageError(
            f"one batch for each model, by its name ({', '.join(map(repr, models))})",
            _described(given),
            where="probe",
            remedy="give a mapping of names to batches, as for the models",
        )
    batches = {}
    for name, value in (given or {}).items():
        if name not in models:
            raise UsageError(
                f"one batch for each model, by its name ({', '.join(map(repr, models))})",
                f"the name {name!r}",
                where="probe",
                remedy="give a mapping of names to batches, as for the models",
            )
        batch = Batch.of(value)
        if batch is None:
            raise UsageError(
                "what one forward pass takes: a tensor, a tuple or list of positional arguments, "
                "or a mapping of keyword arguments",
                _described(value),
                where="probe",
                remedy="give one batch, such as next(iter(loader)) without what forward does not "
                "take",
            )
        batches[name] = batch
    return batches


def _described(value: Any) -> str:
    empty = isinstance(value, tuple | list | Mapping) and not len(value)
    return f"{'an empty ' if empty else ''}{type(value).__name__}"
