"""What people look at today, on the same programs: a number of the last embeddings, or the loss.

Each reading is larger the sicker it says the training is. Its threshold is the one that parts the
programs of the run best (Youden's J): no threshold chosen in advance can do better on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collapse_doctor.findings import Diagnosis
from collapse_doctor.measurements import Measurements

__all__ = ["Peer", "judged", "readings"]

Rows = NDArray[np.float64]


def _deviation(rows: Rows) -> float:
    """Lightly's ``std_of_l2_normalized`` times √d, 1 where healthy; turned round."""
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return 1.0 - float(units.std(axis=0, ddof=1).mean()) * math.sqrt(rows.shape[1])


def _cosine(rows: Rows) -> float:
    """Mean cosine of all pairs of rows."""
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    n = len(units)
    return (float(np.square(units.sum(axis=0)).sum()) - n) / float(n * (n - 1))


def _rank_me(rows: Rows) -> float:
    """RankMe (Garrido et al. 2023, eq. 2) as a share of the largest possible; turned round."""
    values = np.linalg.svd(rows, compute_uv=False)
    if values.sum() == 0:
        return 1.0
    shares = values / values.sum() + 1e-7
    return 1.0 - float(np.exp(-(shares * np.log(shares)).sum())) / float(min(rows.shape))


OF_ROWS: Mapping[str, Callable[[Rows], float]] = {
    "lightly's deviation": _deviation,
    "mean cosine": _cosine,
    "RankMe": _rank_me,
}
OF_LOSS = "the loss curve"


@dataclass(frozen=True)
class Peer:
    """How one reading parts the sick programs from the healthy ones, at its best threshold.

    ``sick`` and ``healthy`` are how many of each had the reading at all.
    """

    name: str
    threshold: float
    detected: int
    sick: int
    alarms: int
    healthy: int


def readings(diagnosis: Diagnosis) -> dict[str, float]:
    """Return what the readings are at the end of one training, the sickest of its outputs each."""
    measurements = diagnosis.measurements
    found: dict[str, float] = {}
    for rows in _last_rows(measurements):
        for name, reading in OF_ROWS.items():
            found[name] = max(found.get(name, -math.inf), reading(rows))
    flat = _flatness(measurements)
    if flat is not None:
        found[OF_LOSS] = flat
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _last_rows(measurements: Measurements | None) -> Iterable[Rows]:
    """Yield the rows that each output gave last, as far as they were kept and are finite."""
    for layer in measurements.layers if measurements is not None else ():
        if layer.role not in ("output", "chosen") or layer.sample is None:
            continue
        sample = layer.sample
        rows = sample.rows[sample.steps == sample.steps.max()].astype(np.float64)
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(rows) > 1 and rows.shape[1] > 1:
            yield rows


def _flatness(measurements: Measurements | None) -> float | None:
    """Return how little of its size the loss fell, from the first tenth of its values to the last.

    0 where it fell to nothing, 1 where it stayed, more where it rose.
    """
    losses = measurements.losses if measurements is not None else None
    if losses is None or len(losses) < 5:
        return None
    values = losses["value"].astype(float).to_numpy()
    tenth = max(len(values) // 10, 1)
    first, last = np.median(values[:tenth]), np.median(values[-tenth:])
    size = max(abs(first), abs(last))
    return float(1.0 - (first - last) / size) if size > 0 else None


def judged(
    sick: Sequence[Mapping[str, float]], healthy: Sequence[Mapping[str, float]]
) -> list[Peer]:
    """Return how well each reading parts the runs, in the order the readings are listed."""
    names = dict.fromkeys(name for run in (*sick, *healthy) for name in run)
    return [_best(name, _of(name, sick), _of(name, healthy)) for name in names]


def _of(name: str, runs: Iterable[Mapping[str, float]]) -> Rows:
    return np.array([run[name] for run in runs if name in run], dtype=np.float64)


def _best(name: str, sick: Rows, healthy: Rows) -> Peer:
    """Choose the threshold at which detections less false alarms, as shares, are most."""

    def at(threshold: float) -> float:
        return float((sick >= threshold).mean() - (healthy >= threshold).mean())

    known = np.unique(np.concatenate([sick, healthy]))
    threshold = max(known.tolist(), key=at) if len(sick) and len(healthy) else math.nan
    found, alarms = int((sick >= threshold).sum()), int((healthy >= threshold).sum())
    return Peer(name, threshold, found, len(sick), alarms, len(healthy))
