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
    "follows",
    "groups",
    "headline",
    "hedge",
    "interval",
    "measured",
    "others",
    "rivals",
    "summary",
    "tone",
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

_SURE = (Confidence.CERTAIN, Confidence.HIGH)
_DOUBT: Mapping[Confidence, str] = {
    Confidence.MEDIUM: "fairly sure",
    Confidence.LOW: "one of several readings",
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
        return SYMBOLS[tone(diagnosis)], _VERDICTS[diagnosis.verdict], plain(primary.message)
    if not examined(diagnosis):
        return SYMBOLS["info"], "Not examined", "No check could be made; see why below."
    if not complete(diagnosis):
        sentence = "Nothing wrong was found, but not everything was watched."
        return SYMBOLS["info"], "Incomplete", sentence
    sentence = "Nothing wrong was found by the checks that could be made."
    if not diagnosis.skipped:
        sentence = "Nothing wrong was found."
    return PASSED, _VERDICTS[Verdict.HEALTHY], sentence


def tone(diagnosis: Diagnosis) -> str:
    """Return the worst severity of all findings, which the verdict goes by.

    That of the root cause may be milder than that of what it leads to.
    """
    worst = max((finding.severity for finding in diagnosis.findings), key=lambda s: s.rank)
    return worst.value


def examined(diagnosis: Diagnosis) -> bool:
    """Tell whether a single check could be made."""
    return bool(diagnosis.passed or diagnosis.findings)


def groups(diagnosis: Diagnosis) -> list[tuple[Finding, tuple[Finding, ...]]]:
    """Return each finding that is a root, with what follows from it; each finding once.

    The root cause comes first, if there is anything above info.
    """
    told: set[int] = set()
    found = []
    for finding in diagnosis.findings:
        if id(finding) not in told:
            after = tuple(f for f in diagnosis.following(finding) if id(f) not in told)
            told |= {id(finding), *map(id, after)}
            found.append((finding, after))
    return found


def followers(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return the findings that follow from the root cause, however far."""
    return groups(diagnosis)[0][1] if diagnosis.primary is not None else ()


def others(diagnosis: Diagnosis) -> list[tuple[Finding, tuple[Finding, ...]]]:
    """Return what is neither the root cause nor explained by it, worst first."""
    rest = groups(diagnosis)[diagnosis.primary is not None :]
    return sorted(rest, key=lambda group: -max(f.severity.rank for f in (group[0], *group[1])))


def follows(cause: Finding) -> str:
    """Return how surely its consequences follow from a cause: no surer than it is true."""
    return "follows from" if cause.confidence in _SURE else "may follow from"


def hedge(cause: Finding) -> str:
    """Return what to think of the consequences of a cause."""
    if cause.confidence in _SURE:
        return "Probably no faults of their own. Repair the cause first, then look again."
    return (
        f"They may be no faults of their own, but that {plain(cause.code, 40)} is true is only "
        f"{_DOUBT[cause.confidence]}: see first what would refute it."
    )


def rivals(diagnosis: Diagnosis) -> list[tuple[str, str, str]]:
    """Return what else may be the cause: its code and name, why it may be, and what would tell."""
    told = []
    for rival in diagnosis.rivals:
        why = rival.reason if rival.found else f"not examined, because {rival.reason}"
        name = f"{plain(rival.code, 40)} {plain(rival.name, 80)}"
        told.append((name, plain(why, 300), plain(rival.test, 300)))
    return told


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
