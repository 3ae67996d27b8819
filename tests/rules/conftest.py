"""Hand-made measurements: a healthy embedding, and whatever is changed of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from collapse_doctor.findings import Subject
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.measurements.values import METRIC_COLUMNS
from collapse_doctor.recording.observations import (
    CallSite,
    Comparison,
    Operand,
    Origin,
    Relation,
)
from collapse_doctor.rules.catalogue import find
from collapse_doctor.rules.rule import Match, NotExamined

HEALTHY = {
    "norm_mean": 8.0,
    "norm_std": 0.7,
    "mean_cosine": 0.0,
    "relative_dispersion": 1.0,
    "direction_dispersion": 1.0,
    "effective_rank": 61.0,
    "participation_ratio": 57.0,
    "top_share": 0.03,
    "dead_share": 0.0,
    "zero_share": 0.0,
    "nonfinite_share": 0.0,
    "distinct_share": 1.0,
    "mean_top_share": 0.2,
}
NULLS = {"effective_rank": 61.0, "top_share": 0.03, "relative_dispersion": 1.0, "mean_cosine": 0.0}


def layer(
    values: Mapping[str, float] = {}, *, first: Mapping[str, float] | None = None, **other: Any
) -> LayerState:
    """Return a layer of 512 healthy rows of width 64, changed as told."""
    fields: dict[str, Any] = {
        "model": "model" if first is not None or "role" in other else "",
        "layer": "output",
        "role": "output",
        "depth": 9,
        "count": 512,
        "width": 64,
        "dtype": "float32",
        "values": HEALTHY | dict(values),
        "nulls": NULLS,
        "eigenvalues": np.ones(64),
        "first": None if first is None else HEALTHY | dict(first),
        "first_step": None if first is None else 0,
        "last_step": None if first is None else 300,
    }
    return LayerState(**(fields | other))


def course(state: LayerState, steps: Sequence[int] = range(0, 301, 10)) -> list[dict[str, Any]]:
    """Return metric rows in which a layer goes from its first values to its last at one third."""
    turn = steps[len(steps) // 3]
    rows = []
    for step in steps:
        now = state.values if step >= turn else (state.first or state.values)
        for metric, value in now.items():
            null = NULLS.get(metric, float("nan"))
            size = {"rows": 512, "width": state.width}
            row = {"model": state.model, "layer": state.layer, "step": step, "metric": metric}
            rows.append(row | {"value": value, "null": null} | size)
    return rows


@pytest.fixture
def layer_of() -> Callable[..., LayerState]:
    """One healthy layer, changed as told."""
    return layer


@pytest.fixture
def file_of() -> Callable[..., Measurements]:
    """Measurements of a file with one layer, changed as told."""

    def make(
        values: Mapping[str, float] = {}, *, labels: pd.DataFrame | None = None, **other: Any
    ) -> Measurements:
        empty = pd.DataFrame(columns=list(METRIC_COLUMNS))
        subject = Subject("embeddings", "x.pt")
        return Measurements(subject, empty, (layer(values, **other),), labels=labels)

    return make


@pytest.fixture
def training_of() -> Callable[..., Measurements]:
    """Measurements of a training of 300 steps whose layer came from ``first`` to ``values``."""

    def make(
        values: Mapping[str, float] = {},
        first: Mapping[str, float] = {},
        *,
        before: Sequence[LayerState] = (),
        comparisons: Sequence[Comparison] = (),
        state: Mapping[str, Any] = {},
        **other: Any,
    ) -> Measurements:
        last = layer(values, first=first, **state)
        layers = (*before, last)
        rows = [row for one in layers for row in course(one)]
        fields: dict[str, Any] = {
            "subject": Subject("recording", "run"),
            "metrics": pd.DataFrame(rows, columns=list(METRIC_COLUMNS)),
            "layers": layers,
            "comparisons": tuple(comparisons),
            "steps": 300,
            "trained": True,
            "watched_comparisons": True,
        }
        return Measurements(**(fields | other))

    return make


@pytest.fixture
def compared() -> Callable[..., Comparison]:
    """One call of cosine_similarity in line 38 of train.py."""

    def make(
        kind: Any | None = None,
        *,
        step: int = 0,
        line: int = 38,
        paired: bool = True,
        names: tuple[str, str] = ("vector1", "vector2"),
        models: tuple[str, str] = ("model", "model"),
        cut: bool = False,
        births: tuple[CallSite, ...] = (),
        width: int = 64,
        **numbers: Any,
    ) -> Comparison:
        operands = tuple(
            Operand(
                name,
                (32, width),
                "float32",
                requires_grad=not (cut and place == 1),
                origin=Origin(model, "output", step, step),
            )
            for place, (name, model) in enumerate(zip(names, models, strict=True))
        )
        relations = (Relation(kind, 0, 1, **numbers),) if kind else ()
        site = CallSite("train.py", line, "main", "s = F.cosine_similarity(vector1, vector2)")
        return Comparison(
            step, step, "F.cosine_similarity", paired, site, operands, relations, births
        )

    return make


@pytest.fixture
def check() -> Callable[[str, Measurements], list[Match]]:
    """Run one rule; a rule that was not examined at all raises NotExamined."""

    def run(code: str, measurements: Measurements) -> list[Match]:
        rule, matches = find(code), []
        try:
            for match in rule.check(measurements, rule.bounds):
                matches.append(match)
        except NotExamined:
            if not matches:
                raise
        return matches

    return run
