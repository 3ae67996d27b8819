"""The diagnosis as one JSON document, for programs: versioned, and strict JSON throughout."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from collapse_doctor.findings import Diagnosis
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.reports.notices import complete
from collapse_doctor.reports.wording import examined
from collapse_doctor.version import __version__

__all__ = ["SCHEMA_VERSION", "document", "dumps"]

SCHEMA_VERSION = 1  # new keys may come within a version; none is renamed or taken away


def dumps(diagnosis: Diagnosis) -> str:
    """Return the document as text; NaN and infinity, for which JSON has no word, become null."""
    return json.dumps(document(diagnosis), allow_nan=False, indent=2, ensure_ascii=False) + "\n"


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis as plain values.

    Keys: schema_version, tool, subject, verdict, examined (whether a single check could be made),
    complete (false if the Inspector switched itself off or saw nothing), primary (the root
    cause's code or None), findings (root cause first), links (the graph of causes, by places in
    findings), rivals (what else may be the root, and what would tell), skipped, passed, layers (the
    numbers at the end of training or of a file), notices, cost (what watching took, in seconds, and
    the share it was to keep to; None for a file, or where it was not measured).

    ``verdict`` is ``healthy`` whenever nothing wrong was found: only together with ``examined``
    and ``complete`` is it a clean bill of health.
    """
    measurements = diagnosis.measurements
    known = isinstance(measurements, Measurements)
    plain: dict[str, Any] = _plain(
        {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "collapse-doctor", "version": __version__},
            "subject": dataclasses.asdict(diagnosis.subject),
            "verdict": diagnosis.verdict.value,
            "examined": examined(diagnosis),
            "complete": complete(diagnosis),
            "primary": diagnosis.primary.code if diagnosis.primary else None,
            "findings": [dataclasses.asdict(finding) for finding in diagnosis.findings],
            "links": [dataclasses.asdict(link) for link in diagnosis.links],
            "rivals": [dataclasses.asdict(rival) for rival in diagnosis.rivals],
            "skipped": [dataclasses.asdict(skipped) for skipped in diagnosis.skipped],
            "passed": diagnosis.passed,
            "layers": [_layer(state) for state in measurements.layers] if known else [],
            "notices": _notices(measurements) if known else [],
            "cost": _cost(measurements) if known else None,
        }
    )
    return plain


def _layer(state: LayerState) -> dict[str, Any]:
    """One layer without its rows: a report never carries embeddings."""
    names = (
        "model layer role depth count width dtype values nulls intervals first first_step last_step"
    )
    return {name: getattr(state, name) for name in names.split()}


def _cost(measurements: Measurements) -> dict[str, Any] | None:
    cost = measurements.cost
    if cost is None:
        return None
    names = "step elapsed spent budget limited"
    return {name: getattr(cost, name) for name in names.split()}


def _notices(measurements: Measurements) -> list[dict[str, Any]]:
    """Return what the reader must know, and what was not seen; each once."""
    told = [{"about": n.about, "text": n.text, "step": n.step} for n in measurements.notices]
    known = {(n.about, n.text) for n in measurements.notices}
    unseen = [
        {"about": about, "text": text, "step": None}
        for about, text in measurements.unseen.items()
        if (about, text) not in known
    ]
    return told + unseen


def _plain(value: Any) -> Any:
    """Turn numpy values, tuples and enums into what JSON knows; non-finite numbers into None."""
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):  # an enum is one; a lone surrogate cannot be written as UTF-8
        return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if value is None or isinstance(value, (bool, int)):
        return value
    return str(value)
