"""What the Inspector sees, as plain values: the vocabulary shared by writer, reader and measures.

Observations are msgspec structs: one line of JSON each in a recording's folder, validated as they
are read back. Numbers that are not finite are kept as ``None`` (JSON has no word for them) and the
counts of such rows say how many there were.
"""

from __future__ import annotations

from collapse_doctor.recording.observations.comparisons import (
    Comparison,
    Past,
    Relation,
    RelationKind,
)
from collapse_doctor.recording.observations.course import Clock, Cost, Notice, Tick
from collapse_doctor.recording.observations.dimensions import AlongBatch, Spread
from collapse_doctor.recording.observations.geometry import (
    Activation,
    Measure,
    Probe,
    Snapshot,
    Use,
)
from collapse_doctor.recording.observations.inputs import Intake
from collapse_doctor.recording.observations.manifest import (
    FORMAT_VERSION,
    LayerInfo,
    Manifest,
    ModelInfo,
    Sharing,
)
from collapse_doctor.recording.observations.objectives import (
    Factor,
    Labels,
    Loss,
    Objective,
    Party,
    Pull,
)
from collapse_doctor.recording.observations.places import CallSite, Operand, Origin, Role
from collapse_doctor.recording.observations.wiring import Part, Reach, Update

__all__ = [
    "FORMAT_VERSION",
    "Activation",
    "AlongBatch",
    "CallSite",
    "Clock",
    "Comparison",
    "Cost",
    "Factor",
    "Intake",
    "Labels",
    "LayerInfo",
    "Loss",
    "Manifest",
    "Measure",
    "ModelInfo",
    "Notice",
    "Objective",
    "Observation",
    "Operand",
    "Origin",
    "Part",
    "Party",
    "Past",
    "Probe",
    "Pull",
    "Reach",
    "Relation",
    "RelationKind",
    "Role",
    "Sharing",
    "Snapshot",
    "Spread",
    "Tick",
    "Update",
    "Use",
]

Observation = (
    Activation
    | AlongBatch
    | Comparison
    | Cost
    | Intake
    | Measure
    | Labels
    | Loss
    | Notice
    | Objective
    | Probe
    | Reach
    | Snapshot
    | Spread
    | Tick
    | Update
    | Use
)
"""Whatever is appended to a recording while it is made."""
