"""Embedding rows as they come out of layers: taken at once, measured when there is time."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from collapse_doctor.batch import measure_batch
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import pool
from collapse_doctor.inspector.pacing.budget import Budget
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.processes.letters import Block, spread
from collapse_doctor.inspector.processes.ranks import Ranks
from collapse_doctor.metrics.sample_entries import SAMPLE_METRICS
from collapse_doctor.metrics.table import METRICS
from collapse_doctor.recording.observations import Measure, Notice, Role, Snapshot

__all__ = ["BACKLOG", "Embeddings"]

MOST_FORWARDS = 8
"""Forward passes of one step that are measured: two views and more, but not all of a long
gradient accumulation."""
MOST_ROWS = 256
"""Rows of one step that are kept of a layer; beyond that, evenly spread ones."""
MEASURED_ROWS = 96
"""Rows of them that are measured at each step: their spectrum costs the cube of it, and rank is
judged on the kept rows of several steps together anyway."""
BACKLOG = 32 << 20
"""Bytes of rows that wait to be measured; beyond that, the oldest no longer wait."""
MOST_WAITING = 512
"""The same as a number of layers and steps."""

BLOCK_METRICS = (
    "norm_mean",
    "mean_cosine",
    "relative_dispersion",
    "direction_dispersion",
    "effective_rank",
    "top_share",
    "dead_share",
    "zero_share",
    "nonfinite_share",
)
"""What tells at which block of a model something is lost; all else is asked of outputs only."""
OF_FILES = frozenset({"rankme", "isoscore", "spectral_exponent", "spectral_fit"}) | frozenset(
    {"covariance_term", "variance_term", *(metric.name for metric in SAMPLE_METRICS)}
)
"""What is measured of files alone: it costs more than the rest together and no rule of trainings
reads it. RankMe, of rows that are not centred, needs a spectrum of its own; others all pairs."""
OUTPUT_METRICS = tuple(metric.name for metric in METRICS if metric.name not in OF_FILES)


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
    """Takes the rows of a step, and tells the sink their measures some time after it.

    Taking is a copy of at most :data:`MOST_ROWS` rows. Measuring costs more: it is done between
    steps as the budget allows, and what is left at the end of the training, or when somebody
    asks. Nothing is read back from a device before it has arrived by itself.
    """

    def __init__(
        self, ranks: Ranks, budget: Budget, moment: Moment, doubles: set[tuple[str, str]]
    ) -> None:
        self._doubles = doubles  # blocks whose output is the model's are put here
        self._ranks = ranks
        self._budget = budget
        self._moment = moment
        self._arriving = Later()
        self._waiting = Later()
        self._pending: list[_Seen] = []
        self._noted: set[tuple[str, str]] = set()
        self._trained: set[str] = set()

    def add(
        self,
        place: tuple[str, str],
        tensor: Tensor,
        module: nn.Module,
        role: Role,
    ) -> None:
        """Take in what a layer returned in one forward pass.

        Parameters
        ----------
        place
            Names of the model and the layer.
        tensor, module
            What was returned, by which module.
        role
            Of outputs of the model, and of layers that were asked for, some rows are kept.
        """
        model, layer = place
        step, forward = self._moment.step, self._moment.forwards_of(model)
        if self._passed_over(model, layer, step, module.training):
            return
        if role == "output":  # the last block's output is the model's: one thing, one name
            self._drop_doubles(tensor, model)
        entered = self._moment.leads
        pooled = pool(tensor, module, MOST_ROWS, entered[-1] if entered else None)
        if pooled is None or pooled.values.shape[1] == 0:
            return
        if pooled.how:
            self._note(f"{model}.{layer}", f"{tuple(tensor.shape)} read as rows: {pooled.how}")
        rows = pooled.values if pooled.is_copy else pooled.values.clone()
        ref = weakref.ref(tensor)
        self._pending.append(_Seen(model, layer, step, forward, module.training, role, rows, ref))

    def _drop_doubles(self, tensor: Tensor, model: str) -> None:
        """Forget what was seen of a model's output before; not what another model gave out."""
        equal = [seen for seen in self._pending if seen.tensor() is tensor]
        doubles = [seen for seen in equal if seen.role != "output" or seen.model == model]
        self._doubles.update((seen.model, seen.layer) for seen in doubles)
        self._pending = [seen for seen in self._pending if seen not in doubles]

    @property
    def is_pending(self) -> bool:
        """Whether rows were taken in this step."""
        return bool(self._pending)

    @property
    def is_behind(self) -> bool:
        """Whether rows wait to be measured."""
        return bool(len(self._waiting))

    def end_step(self, *, merge: bool) -> None:
        """Put what is pending in the queue; ``merge`` joins all passes of one step."""
        pending, self._pending = self._pending, []
        groups: dict[Hashable, list[_Seen]] = {}
        for seen in pending:
            moment = seen.step if merge else (seen.step, seen.forward)
            width, dtype = seen.rows.shape[1], seen.rows.dtype
            key = (seen.model, seen.layer, seen.training, width, dtype, seen.rows.device, moment)
            groups.setdefault(key, []).append(seen)
        for passes in groups.values():
            block = _together(passes, alone=not merge)
            self._arriving.put([block.rows], functools.partial(self._arrived, block))
        self._arriving.work_off()

    def _arrived(self, block: Block, values: list[Tensor]) -> None:
        """Take rows that are on the host; other processes may have more of the same."""
        self.put(self._ranks.offer([replace(block, rows=values[0])]))

    def put(self, blocks: Iterable[Block]) -> None:
        """Put blocks of rows, on the host, in the queue."""
        for block in blocks:
            self._waiting.put([block.rows], functools.partial(self._measured, block))

    def work(self) -> None:
        """Measure what waits, as far as the budget allows."""
        while len(self._waiting):
            in_time = self._budget.has_time(self._waiting.pace)
            full = self._waiting.held > BACKLOG or len(self._waiting) > MOST_WAITING
            if not in_time and not full:
                return
            took = self._waiting.work()
            if took is None:
                return
            self._budget.use(took)

    def tell(self, *, merge: bool) -> None:
        """Measure all that was taken until now."""
        self.end_step(merge=merge)
        self._arriving.drain()
        self._waiting.drain()

    def _measured(self, taken: Block, values: list[Tensor]) -> None:
        rows = spread(values[0], MEASURED_ROWS)
        if _is_masked(rows):
            self._note(
                f"{taken.model}.{taken.layer}",
                "-inf beside numbers: masked scores, not measured",
            )
            return
        block = taken.role == "block"
        self._ranks.append(
            Measure(
                step=taken.step,
                forward=taken.forward,
                model=taken.model,
                layer=taken.layer,
                rows=len(rows),
                width=rows.shape[1],
                dtype=str(rows.dtype).removeprefix("torch."),
                training=taken.training,
                values=dict(measure_batch(rows, BLOCK_METRICS if block else OUTPUT_METRICS)),
            )
        )
        if not block:
            kept = spread(values[0], MOST_ROWS)
            shot = Snapshot(taken.step, taken.model, taken.layer, *kept.shape)
            self._ranks.append_snapshot(shot, kept.float().numpy())

    def _passed_over(self, model: str, layer: str, step: int, training: bool) -> bool:
        """Tell whether to leave out a pass: evaluation in between would be read as training."""
        if training:
            self._trained.add(model)
        elif model in self._trained:
            self._note(model, "forward passes in eval mode between training steps not measured")
            return True
        same = [s for s in self._pending if (s.model, s.layer, s.step) == (model, layer, step)]
        if len(same) < MOST_FORWARDS:
            return False
        if self._moment.is_counted_by_forwards:  # there is no step to wait for
            self.end_step(merge=False)
            self.work()
        return not self._moment.is_counted_by_forwards

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
