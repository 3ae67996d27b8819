"""The words every report shares: the verdict, severities, confidences, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from collapse_doctor.findings import (
    Confidence,
    Diagnosis,
    Evidence,
    Finding,
    Severity,
    Verdict,
)
from collapse_doctor.reports.notices import complete
from collapse_doctor.reports.text import between, count, number, plain

__all__ = [
    "CONFIDENCE",
    "PASSED",
    "SYMBOLS",
    "bound",
    "counts",
    "examined",
    "followers",
    "headline",
    "interval",
    "measured",
    "others",
    "summary",
    "unexamined",
]

# Never colour alone: a symbol and a word always say it too.
SYMBOLS: Mapping[str, str] = {"error": "✖", "warning": "▲", "info": "●"}
PASSED = "✓"

CONFIDENCE: Mapping[Confidence, str] = {
    Confidence.CERTAIN: "Certain: it follows from identity or arithmetic, without statistics.",
    Confidence.HIGH: "Very sure: measured, and far outside its bound.",
    Confidence.MEDIUM: "Fairly sure: measured, but near its bound or on few rows.",
    Confidence.LOW: "Unsure: one of several readings of the same numbers.",
}

_VERDICTS: Mapping[Verdict, str] = {
    Verdict.HEALTHY: "Healthy",
    Verdict.SUSPECT: "Suspect",
    Verdict.SICK: "Sick",
}


def headline(diagnosis: Diagnosis) -> tuple[str, str, str]:
    """Return the symbol, the word and the sentence that a reader takes away in three seconds.

    A diagnosis for which nothing could be examined, or that rests on a part of the training
    because the Inspector switched itself off, is not called healthy.
    """
    primary = diagnosis.primary
    if primary is not None:
        symbol = SYMBOLS[primary.severity.value]
        return symbol, _VERDICTS[diagnosis.verdict], plain(primary.message)
    if not examined(diagnosis):
        return SYMBOLS["info"], "Not examined", "No check could be made; see why below."
    if not complete(diagnosis):
        sentence = "Nothing wrong was found, but not everything was watched."
        return SYMBOLS["info"], "Incomplete", sentence
    sentence = "Nothing wrong was found by the checks that could be made."
    if not diagnosis.skipped:
        sentence = "Nothing wrong was found."
    return PASSED, _VERDICTS[Verdict.HEALTHY], sentence


def examined(diagnosis: Diagnosis) -> bool:
    """Tell whether a single check could be made."""
    return bool(diagnosis.passed or diagnosis.findings)


def others(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return what is neither the root cause nor explained by it, worst first."""
    after = set(map(id, followers(diagnosis)))
    rest = [f for f in diagnosis.findings if f is not diagnosis.primary and id(f) not in after]
    return tuple(sorted(rest, key=lambda finding: -finding.severity.rank))


def followers(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return the findings that the root cause explains."""
    primary = diagnosis.primary
    if primary is None:
        return ()
    return tuple(f for f in diagnosis.findings[1:] if f.code in primary.explains)


def counts(diagnosis: Diagnosis) -> str:
    """Return ``2 errors, 1 warning``; or ``no findings``."""
    tally = Counter(finding.severity for finding in diagnosis.findings)
    parts = []
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        if severity is Severity.INFO and tally[severity]:
            parts.append(f"{tally[severity]} worth knowing")
        elif tally[severity]:
            parts.append(count(tally[severity], severity.value))
    return ", ".join(parts) or "no findings"


def summary(diagnosis: Diagnosis) -> str:
    """Return ``1 error · 11 checks passed · 3 not examined``."""
    passed, skipped = len(diagnosis.passed), len(diagnosis.skipped)
    parts = [counts(diagnosis), f"{count(passed, 'check')} passed"]
    return " · ".join(parts + [f"{skipped} not examined"] * bool(skipped))


def measured(evidence: Evidence) -> str:
    """Return the value with its unit."""
    return f"{number(evidence.value)} {plain(evidence.unit)}".strip()


def bound(evidence: Evidence) -> str:
    """Return ``< 0.02``, the condition under which the finding holds; empty if there is none."""
    if evidence.bound is None:
        return ""
    relation = {"<=": "≤", ">=": "≥", "==": "="}.get(evidence.relation, evidence.relation)
    return f"{relation} {number(evidence.bound)}".strip()


def interval(evidence: Evidence) -> str:
    """Return ``0.88 – 0.92``, where another draw of as many rows would lie; empty if unknown."""
    return between(evidence.interval)


def unexamined(diagnosis: Diagnosis) -> Sequence[tuple[str, str]]:
    """Reasons with the checks they stopped, most checks first: ``(reason, "CD503, CD601")``."""
    reasons: dict[str, list[str]] = {}
    for skipped in diagnosis.skipped:
        reasons.setdefault(plain(skipped.reason).strip(), []).append(plain(skipped.code, 40))
    ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[1]))
    return [(reason, ", ".join(codes)) for reason, codes in ordered]
