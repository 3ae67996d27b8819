"""Embedding rows as they come out of layers: reduced at once, told once a step."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.letters import Block, spread
from collapse_doctor.inspector.outputs import pool
from collapse_doctor.inspector.ranks import Ranks
from collapse_doctor.metrics.table import measure
from collapse_doctor.recording.observations import Measure, Notice, Role, Snapshot
from collapse_doctor.summary import EmbeddingSummary

__all__ = ["Embeddings"]

MOST_FORWARDS = 8
"""Forward passes of one step that are measured: two views and more, but not all of a long
gradient accumulation."""
MOST_ROWS = 256
"""Rows of one step that are measured of a layer; beyond that, evenly spread ones. Their spectrum
costs the cube of it, and rank is judged on the rows of several steps together anyway."""
MOST_PENDING = 64

BLOCK_METRICS = (
    "norm_mean",
    "mean_cosine",
    "relative_dispersion",
    "direction_dispersion",
    "effective_rank",
    "dead_share",
    "zero_share",
    "nonfinite_share",
)
"""What tells at which block of a model something is lost; all else is asked of outputs only."""


@dataclass(eq=False)
class _Seen:
    """What one layer gave in one forward pass, until the step is over.

    ``rows`` are a copy: the next module may write into what this one returned.
    """

    model: str
    layer: str
    step: int
    forward: int
    training: bool
    role: Role
    rows: Tensor
    tensor: weakref.ref[Tensor]


class Embeddings:
    """Collects the rows of a step and tells the sink their measures when it is over.

    Telling waits for the end of the step so that all views of it are measured together, and so
    that nothing has to be read back from a device while the step is still being queued.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.doubles: set[tuple[str, str]] = set()  # blocks whose output is the model's
        self._ranks = ranks
        self._pending: list[_Seen] = []
        self._noted: set[tuple[str, str]] = set()
        self._trained: set[str] = set()

    @torch.no_grad()
    def add(
        self,
        place: tuple[str, str],
        when: tuple[int, int],
        tensor: Tensor,
        module: nn.Module,
        role: Role,
    ) -> None:
        """Take in what a layer returned in one forward pass.

        Parameters
        ----------
        place
            Names of the model and the layer.
        when
            Step and number of the forward pass.
        tensor, module
            What was returned, by which module.
        role
            Of outputs of the model, and of layers that were asked for, some rows are kept.
        """
        model, layer = place
        if self._passed_over(model, layer, when[0], module.training):
            return
        if role == "output":  # the last block's output is the model's: one thing, one name
            self._drop_doubles(tensor)
        pooled = pool(tensor, module)
        if pooled is None or pooled.values.shape[1] == 0:
            return
        if _is_masked(pooled.values):
            self._note(f"{model}.{layer}", "-inf beside numbers: masked scores, not measured")
            return
        if pooled.how:
            self._note(f"{model}.{layer}", f"{tuple(tensor.shape)} read as rows: {pooled.how}")
        rows = spread(pooled.values, MOST_ROWS).clone()
        ref = weakref.ref(tensor)
        self._pending.append(_Seen(model, layer, *when, module.training, role, rows, ref))

    def _drop_doubles(self, tensor: Tensor) -> None:
        doubles = [seen for seen in self._pending if seen.tensor() is tensor]
        self.doubles |= {(seen.model, seen.layer) for seen in doubles}
        self._pending = [seen for seen in self._pending if seen not in doubles]

    @torch.no_grad()
    def tell(self, *, merge: bool) -> None:
        """Measure what is pending and hand it on; ``merge`` joins all passes of one step."""
        pending, self._pending = self._pending, []
        groups: dict[Hashable, list[_Seen]] = {}
        for seen in pending:
            moment = seen.step if merge else (seen.step, seen.forward)
            width, dtype = seen.rows.shape[1], seen.rows.dtype
            key = (seen.model, seen.layer, seen.training, width, dtype, moment)
            groups.setdefault(key, []).append(seen)
        blocks = [_together(passes, alone=not merge) for passes in groups.values()]
        self.measure(self._ranks.offer(blocks))

    @torch.no_grad()
    def measure(self, blocks: Iterable[Block]) -> None:
        """Measure blocks of rows and hand the measures on."""
        for block in blocks:
            self._measure(block)

    @property
    def is_full(self) -> bool:
        """True when telling should not wait any longer (forward passes without any step)."""
        return len(self._pending) >= MOST_PENDING

    def _measure(self, seen: Block) -> None:
        rows = spread(seen.rows, MOST_ROWS)
        summary = EmbeddingSummary.of(rows, sample_size=1)
        block = seen.role == "block"
        self._ranks.append(
            Measure(
                step=seen.step,
                forward=seen.forward,
                model=seen.model,
                layer=seen.layer,
                rows=len(rows),
                width=summary.width,
                dtype=summary.dtype,
                training=seen.training,
                values=dict(measure(summary, BLOCK_METRICS if block else None)),
            )
        )
        if not block:
            shot = Snapshot(seen.step, seen.model, seen.layer, *rows.shape)
            self._ranks.append_snapshot(shot, rows.float().cpu().numpy())

    def _passed_over(self, model: str, layer: str, step: int, training: bool) -> bool:
        """Tell whether to leave out a pass: evaluation in between would be read as training."""
        if training:
            self._trained.add(model)
        elif model in self._trained:
            self._note(model, "forward passes in eval mode between training steps not measured")
            return True
        same = [s for s in self._pending if (s.model, s.layer, s.step) == (model, layer, step)]
        return len(same) >= MOST_FORWARDS

    def _note(self, about: str, text: str) -> None:
        if (about, text) not in self._noted:
            self._noted.add((about, text))
            self._ranks.append(Notice(about=about, text=text))


def _is_masked(rows: Tensor) -> bool:
    """Tell whether rows hold -inf on purpose: beside finite numbers, and without NaN or +inf.

    A softmax makes exact zeros of them; that is how scores that must not be chosen are written.
    """
    lowest, highest = rows.amin(), rows.amax()
    return bool(lowest == -torch.inf) and bool(highest.isfinite())


def _together(passes: list[_Seen], *, alone: bool) -> Block:
    """Return the rows that a layer gave in the forward passes of one step."""
    one = passes[0]
    rows = torch.cat([seen.rows for seen in passes]) if len(passes) > 1 else one.rows
    return Block(one.model, one.layer, one.step, one.forward, one.training, one.role, rows, alone)
