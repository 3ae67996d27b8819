"""A bench to run a model on: as often as wanted, in either mode, with nothing left changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from collapse_doctor.inspector.fuse import reason_of
from collapse_doctor.inspector.layers import Layer
from collapse_doctor.inspector.outputs import (
    Rows,
    embeddings_among,
    is_plain,
    pool,
    tensors_in,
)
from collapse_doctor.inspector.probing.batch import Batch
from collapse_doctor.inspector.probing.copying import copied, obstacle
from collapse_doctor.inspector.probing.settling import Beginning, unsettled
from collapse_doctor.inspector.probing.undisturbed import undisturbed
from collapse_doctor.inspector.source.callsite import Still
from collapse_doctor.recording.observations import Role

__all__ = ["Bench", "CannotRun", "Run"]

MOST_ROWS = 1024
"""Rows of the probe that are looked at: enough for the rank of widths up to 1,800 (see CD601)."""


class CannotRun(Exception):  # noqa: N818  (nothing is wrong: it says what is in the way)
    """Raised where a test cannot be made; its text completes 'skipped, because …'."""


@dataclass(frozen=True, eq=False)
class Run:
    """What one pass gave: the tensors a model returned, and rows of its inner layers.

    ``others`` are tensors that it returned and that by themselves are no embedding, such as one
    row that was expanded over the batch.
    """

    outputs: list[tuple[str, Tensor]] = field(default_factory=list)
    blocks: dict[str, Rows] = field(default_factory=dict)
    others: list[tuple[str, Tensor]] = field(default_factory=list)

    def embeddings(self, known: Collection[str] = ()) -> dict[str, Rows]:
        """Return the rows of those outputs that may be embeddings; those ``known`` to be are."""
        named = [(name, tensor) for name, tensor in self.others if name in known]
        found = ((name, pool(tensor, None, MOST_ROWS)) for name, tensor in self.outputs + named)
        return {name: rows for name, rows in found if rows is not None}


class Bench:
    """Runs one model on its probe batch. Each run is made by a fresh copy, from one random state.

    Parameters
    ----------
    name
        What the model is called.
    model, layers
        The model as it was trained, and the inner layers of it that are watched.
    batch
        What it is run on.
    resting
        Modules that stayed in eval mode while the model was trained; None if it never was seen in
        train mode.
    role
        Of the inner layers.
    before
        The running statistics of the model when its training began.
    frame
        The user's frame that began the watch.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        layers: Sequence[Layer],
        batch: Batch,
        resting: frozenset[int] | None,
        role: Role = "block",
        before: Mapping[int, Beginning] | None = None,
        frame: Still | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self.layers = tuple(layers)
        self.batch = batch
        self.role = role
        self._resting = resting
        self.frame = frame
        self._before = before or {}
        self._obstacle = obstacle(model)

    @property
    def was_trained(self) -> bool:
        """Whether the model was seen in train mode, so that there is a train mode to compare."""
        return self._resting is not None

    def unsettled(self) -> float:
        """Return how far the statistics that eval mode uses are from settled (see ``settling``)."""
        return unsettled(self.model, self._before, self._resting or ())

    def run(
        self,
        *,
        training: bool,
        batch: Batch | None = None,
        inner: bool = False,
        seed: int = 0,
        change: Callable[[nn.Module], None] | None = None,
    ) -> Run:
        """Return what one forward pass gives.

        Parameters
        ----------
        training
            In train mode, as far as the training was in it, or all in eval mode.
        batch
            Another batch than the probe.
        inner
            Look at the inner layers as well. Transformer layers leave their fused path for it.
        seed
            Of all random numbers.
        change
            What is done to the copy before it is run.

        Raises
        ------
        CannotRun
            If the model cannot be copied, or raises.
        """
        with self.fresh(training=training, batch=batch, seed=seed) as (copy, parts, args, kwargs):
            if change is not None:
                with _said("the copy of the model could not be changed"):
                    change(copy)
            with self.running():
                return self._pass(copy, parts if inner else {}, args, kwargs)

    @contextmanager
    def fresh(
        self, *, training: bool, batch: Batch | None = None, seed: int = 0
    ) -> Iterator[tuple[nn.Module, dict[int, Any], tuple[Any, ...], dict[str, Any]]]:
        """Give a copy of the model, its parts by the ``id`` of the original, and its arguments.

        Inside the block nothing that is done reaches the training. Parameters and errors are
        those of ``run``.
        """
        if self._obstacle:
            raise CannotRun(self._obstacle)
        with undisturbed(seed):
            with _said("a copy of the model could not be made"):
                copy, parts = copied(self.model)
                args, kwargs = (batch or self.batch).copied()
            with self.running():
                self._set_mode(copy, parts, training=training)
            yield copy, parts, args, kwargs

    def running(self) -> AbstractContextManager[None]:
        """Turn what the model raises in a block into a reason."""
        return _said("the forward pass on the probe failed")

    def _set_mode(self, copy: nn.Module, parts: Mapping[int, Any], *, training: bool) -> None:
        copy.train(training)  # a model's own train() may do more than set a flag
        for module in self.model.modules() if training else ():
            if module is not self.model and id(module) in (self._resting or ()):
                parts[id(module)].training = False

    def _pass(
        self, copy: nn.Module, parts: Mapping[int, Any], args: tuple[Any, ...], kwargs: Any
    ) -> Run:
        blocks: dict[str, Rows] = {}
        firsts: dict[str, Tensor] = {}
        for layer in self.layers:
            module = parts.get(id(layer.module))
            if module is not None:
                module.register_forward_hook(partial(_keep, blocks, firsts, layer.name))
        output = copy(*args, **kwargs)
        tensors = [(name, t.detach()) for name, t in tensors_in(output) if is_plain(t)]
        found = embeddings_among(tensors)
        returned = {id(tensor) for _, tensor in tensors_in(output)}
        for name in [name for name, first in firsts.items() if id(first) in returned]:
            del blocks[name]  # one thing, told under one name
        kept = {name for name, _ in found}
        others = [(name, t) for name, t in tensors if name not in kept and t.dim() > 1]
        return Run(found, blocks, others)


def _keep(
    blocks: dict[str, Rows],
    firsts: dict[str, Tensor],
    name: str,
    module: nn.Module,
    _args: Any,
    output: Any,
) -> None:
    """Keep the rows of what an inner layer gave; of several tensors the first, as in training."""
    for _, tensor in tensors_in(output):
        rows = pool(tensor, module, MOST_ROWS)
        if rows is not None:
            values = rows.values if rows.is_copy else rows.values.clone()
            blocks[name], firsts[name] = Rows(values, rows.how), tensor
        return


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Turn an error of the user's code into a reason. Interrupts pass."""
    try:
        yield
    except Exception as error:
        raise CannotRun(f"{what} ({reason_of(error)})") from None
