"""Whether a row's embedding depends on the other rows of its batch, or on its place among them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.outputs import Rows
from collapse_doctor.inspector.probing.bench import MOST_ROWS, Bench, CannotRun
from collapse_doctor.inspector.probing.modes import distance
from collapse_doctor.inspector.probing.rows import count_of, selected
from collapse_doctor.recording.observations import Probe

__all__ = ["NEIGHBOURS", "change_neighbours"]

NEIGHBOURS = "neighbours"
LEAST_ROWS = 4


def change_neighbours(bench: Bench) -> Iterator[Probe]:
    """Yield how far rows move when others stand beside them, relative to their spread.

    The first half of the rows is run with the second half, and with itself in its place: the
    batch keeps its size, and random numbers fall on the same places. ``beside_eval`` is what that
    changes in eval mode, where nothing should; ``beside_train`` in train mode, where normalisation
    by the batch does. ``order`` is what turning the order of all rows changes, in eval mode.
    """
    count = count_of(bench.batch)
    if not LEAST_ROWS <= count <= MOST_ROWS:
        raise CannotRun(f"a probe of {LEAST_ROWS} to {MOST_ROWS} rows would do, this has {count}")
    half = torch.arange(count) % (count - count // 2)
    turned = torch.arange(count - 1, -1, -1)
    doubled, backwards = selected(bench.batch, half), selected(bench.batch, turned)
    given = bench.run(training=False).embeddings()
    beside = bench.run(training=False, batch=doubled).embeddings(given)
    order = bench.run(training=False, batch=backwards).embeddings(given)
    arms = [("eval", given, beside)]
    if bench.was_trained:
        training = bench.run(training=True).embeddings(given)
        again = bench.run(training=True, batch=doubled).embeddings(given)
        arms.append(("train", training, again))
    with Aside():
        for name, rows in given.items():
            if len(rows.values) != count:
                continue
            own = Rows(rows.values.flip(0), "")
            values = {"order": _moved(own, order.get(name), count)}
            kept = count - count // 2
            for arm, one, other in arms:
                values[f"beside_{arm}"] = _moved(one.get(name), other.get(name), kept)
            yield Probe(
                NEIGHBOURS,
                bench.name,
                layer=name,
                depth=len(bench.layers),
                rows=count,
                width=rows.values.shape[1],
                dtype=str(rows.values.dtype).removeprefix("torch."),
                values=dict(values),
            )


def _moved(one: Rows | None, other: Rows | None, kept: int) -> float:
    if one is None or other is None or one.values.shape != other.values.shape:
        return math.nan
    return distance(one.values[:kept], other.values[:kept])
