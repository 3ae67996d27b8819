"""The plain values a diagnosis is made of. They know nothing of torch, files or screens."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Confidence",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Link",
    "Rival",
    "Severity",
    "Skipped",
    "Subject",
    "Verdict",
    "Where",
]


class Severity(StrEnum):
    """How bad a finding is, if it is true."""

    ERROR = "error"  # training cannot work as written
    WARNING = "warning"  # very likely harmful
    INFO = "info"  # worth knowing, never alarming

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error: for sorting and for ``--fail-on``."""
        return ("info", "warning", "error").index(self.value)


class Confidence(StrEnum):
    """How sure we are that a finding is true; independent of how bad it would be."""

    CERTAIN = "certain"  # follows from identity or arithmetic, no statistics involved
    HIGH = "high"  # measured, far outside its bound
    MEDIUM = "medium"  # measured, near its bound or on few rows
    LOW = "low"  # one of several readings of the same numbers

    @property
    def rank(self) -> int:
        """0 for low up to 3 for certain."""
        return ("low", "medium", "high", "certain").index(self.value)


class Verdict(StrEnum):
    """The diagnosis in one word, decided by its worst finding and never by a mean."""

    HEALTHY = "healthy"  # nothing above info
    SUSPECT = "suspect"  # at least one warning
    SICK = "sick"  # at least one error


@dataclass(frozen=True)
class Where:
    """A place: in the model, in time and in the source. Every part may be unknown.

    ``line`` is 1-based. ``source`` is the text of that line as it was when the program ran.
    ``note`` says in a few words what happens there; it is set on related places.
    """

    model: str | None = None
    layer: str | None = None
    step: int | None = None
    file: str | None = None
    line: int | None = None
    source: str | None = None
    note: str = ""

    def __str__(self) -> str:
        """Return ``train.py:38, step 0, layer encoder``, without the parts that are unknown."""
        parts = []
        if self.file is not None:
            parts.append(f"{self.file}:{self.line}" if self.line is not None else self.file)
        if self.step is not None:
            parts.append(f"step {self.step}")
        if self.layer is not None:
            owner = f"{self.model}." if self.model else ""
            parts.append(f"layer {owner}{self.layer}")
        return ", ".join(parts) or "the whole input"


@dataclass(frozen=True)
class Evidence:
    """One measured number beside the bound it was held against.

    ``relation`` is how the value must stand to the bound for the finding to hold (``"<"``,
    ``"<="``, ``">"``, ``">="`` or ``"=="``); empty when the number only illustrates. ``null`` is
    what the same measure reads on healthy data of this size, where such a null exists.
    ``interval`` is where the value would lie in 95 of 100 other draws of as many rows, where that
    is known.
    """

    value: float | int | str | bool
    bound: float | int | str | None = None
    relation: str = ""
    null: float | None = None
    unit: str = ""
    meaning: str = ""
    interval: tuple[float, float] | None = None

    @property
    def straddles(self) -> bool:
        """Whether the interval reaches over the bound: chance alone could undo the finding."""
        if self.interval is None or not self.relation or not isinstance(self.bound, float | int):
            return False
        low, high = self.interval
        return low <= self.bound <= high


@dataclass(frozen=True)
class Finding:
    """One thing that is true of the training or the embeddings, and what to do about it.

    Findings are equal if everything in them is. The hash leaves ``evidence`` out, because a
    mapping has none.
    """

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    where: Where = field(default_factory=Where)
    related: tuple[Where, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict, hash=False)
    cause: str = ""
    remedy: str = ""
    refuted_by: str = ""
    explains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """One edge of the graph of causes: two findings by their place in ``Diagnosis.findings``.

    ``reason`` says in half a sentence how the second follows from the first.
    """

    cause: int
    effect: int
    reason: str = ""


@dataclass(frozen=True)
class Rival:
    """A cause of the root finding's consequences, or of itself, that remains possible beside it.

    ``found`` tells whether it is among the findings; otherwise it was not examined, and ``reason``
    says why. ``test`` is what would tell the two apart.
    """

    code: str
    name: str
    found: bool
    reason: str
    test: str


@dataclass(frozen=True)
class Skipped:
    """A rule that was not examined, and why. Not examined must never look like healthy."""

    code: str
    name: str
    reason: str


@dataclass(frozen=True)
class Subject:
    """What was looked at, for the head of a report.

    ``kind`` is ``"embeddings"`` (a file or tensor) or ``"recording"`` (a watched training).
    ``details`` are label/value pairs in reading order: rows, width, dtype, steps, layers …
    """

    kind: str
    title: str
    details: Mapping[str, str] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What was found, root cause first; what could not be examined; and the numbers behind it.

    ``measurements`` is the :class:`~collapse_doctor.measurements.Measurements` the rules read; a
    renderer draws its charts from there. Diagnoses are compared without it: they are equal if
    they say the same of the same subject. ``links`` is the graph of causes among the findings, and
    ``rivals`` what else may be the root, with what would tell.
    """

    subject: Subject
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    passed: tuple[str, ...] = ()
    measurements: Any = field(default=None, compare=False)
    links: tuple[Link, ...] = ()
    rivals: tuple[Rival, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """``healthy`` (nothing above info), ``suspect`` (a warning) or ``sick`` (an error)."""
        worst = max((f.severity.rank for f in self.findings), default=0)
        return (Verdict.HEALTHY, Verdict.SUSPECT, Verdict.SICK)[worst]

    @property
    def primary(self) -> Finding | None:
        """The root cause: the first finding, or None when nothing is above info."""
        return self.findings[0] if self.verdict is not Verdict.HEALTHY else None

    def following(self, finding: Finding) -> tuple[Finding, ...]:
        """Return what follows from a finding, however far, in the order of the findings."""
        reached = {next((n for n, f in enumerate(self.findings) if f is finding), -1)}
        for _ in self.findings:  # a chain is no longer than that
            reached |= {link.effect for link in self.links if link.cause in reached}
        return tuple(f for n, f in enumerate(self.findings) if n in reached and f is not finding)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding, root cause first.

        Columns: code, name, severity, confidence, model, layer, step, file, line, message, cause,
        remedy, explains (codes joined by a space).
        """
        import pandas as pd

        columns = ["code", "name", "severity", "confidence", "model", "layer", "step", "file"]
        columns += ["line", "message", "cause", "remedy", "explains"]
        rows = []
        for finding in self.findings:
            row = dataclasses.asdict(finding) | dataclasses.asdict(finding.where)
            row["severity"], row["confidence"] = finding.severity.value, finding.confidence.value
            row["explains"] = " ".join(finding.explains)
            rows.append({name: row[name] for name in columns})
        frame = pd.DataFrame(rows, columns=columns)
        return frame.astype({"step": "Int64", "line": "Int64"})
