"""What people look at today, as the accuracy benchmark reads it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers import OF_LOSS, OF_ROWS, judged, readings
from collapse_doctor.findings import Diagnosis, Subject
from collapse_doctor.measurements import LayerState, Measurements, Sample

N, D = 400, 32
RANDOM = np.random.default_rng(0)
SPREAD = RANDOM.standard_normal((N, D)).astype(np.float32)
POINT = np.ones((N, D), np.float32)
LINE = np.outer(RANDOM.choice([-1.0, 1.0], N), np.ones(D)).astype(np.float32)


def ended(rows: np.ndarray, losses: list[float]) -> Diagnosis:
    sample = Sample(np.concatenate([SPREAD, rows]), np.repeat([0, 9], [N, len(rows)]))
    layer = LayerState(
        "model", "output", "output", 1, N, D, "float32", {}, {}, np.zeros(0), sample=sample
    )
    table = pd.DataFrame({"step": range(len(losses)), "value": losses})
    subject = Subject("recording", "a training")
    measured = Measurements(subject, pd.DataFrame(), (layer,), losses=table)
    return Diagnosis(subject, (), measurements=measured)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [  # of isotropic rows; of one vector; of one line, which the first two cannot see
        (SPREAD, (0.0, 0.0, 0.02)),
        (POINT, (1.0, 1.0, 1 - 1 / D)),
        (LINE, (0.0, 0.0, 1 - 1 / D)),
    ],
)
def test_rows_read_as_their_papers_say(rows: np.ndarray, expected: tuple[float, ...]) -> None:
    found = readings(ended(rows, [1.0] * 10))
    np.testing.assert_allclose([found[name] for name in OF_ROWS], expected, atol=0.02)


@pytest.mark.parametrize(
    ("losses", "flat"), [([2.0] * 20, 1.0), ([2.0] * 10 + [0.0] * 10, 0.0), ([1.0, 2.0] * 10, 1.25)]
)
def test_a_loss_is_flat_by_what_it_fell(losses: list[float], flat: float) -> None:
    assert readings(ended(SPREAD, losses))[OF_LOSS] == pytest.approx(flat, abs=0.3)


def test_a_short_loss_says_nothing() -> None:
    assert OF_LOSS not in readings(ended(SPREAD, [1.0, 2.0]))


def test_each_peer_gets_the_threshold_that_is_best_for_it() -> None:
    sick = [{"a": 0.9, "b": 0.1}, {"a": 0.8}, {"a": 0.2, "b": 0.5}]
    healthy = [{"a": 0.3, "b": 0.5}, {"a": 0.1}]
    first, second = judged(sick, healthy)
    assert (first.name, first.threshold, first.detected, first.alarms) == ("a", 0.8, 2, 0)
    assert (first.sick, first.healthy) == (3, 2)
    assert (second.sick, second.healthy) == (2, 1)  # where it could be read at all
