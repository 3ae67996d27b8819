"""Diagnose: run the rules over the measurements and order what they find, root cause first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from collapse_doctor.errors import UsageError
from collapse_doctor.findings import Confidence, Diagnosis, Finding, Skipped, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.rules.catalogue import choose
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["diagnose"]


def diagnose(
    measurements: Measurements,
    *,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
) -> Diagnosis:
    """Run the rules and return what they found.

    Parameters
    ----------
    measurements
        What was measured, of a file or a recording.
    select, ignore
        Codes, prefixes of codes (``CD3``) or names of rules to run, or to leave out. An ignored
        rule is neither passed nor skipped.

    Raises
    ------
    UsageError
        If ``select`` or ``ignore`` names no rule, or if they leave none to run.
    """
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    passed: list[str] = []
    for rule in _chosen(select, ignore):
        found, reason = _run(rule, measurements)
        findings += found
        if reason:
            skipped.append(Skipped(rule.code, rule.name, reason))
        elif not found:
            passed.append(rule.code)
    return Diagnosis(
        subject=measurements.subject,
        findings=_ordered(_linked(findings)),
        skipped=tuple(skipped),
        passed=tuple(passed),
        measurements=measurements,
    )


def _chosen(select: Iterable[str], ignore: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules to run: with none of them, everything would pass for healthy."""
    rules = choose(select, ignore)
    if not rules:
        raise UsageError(
            "at least one rule to run",
            "none: all that are selected are ignored",
            remedy="select more, or ignore less",
        )
    return rules


def _run(rule: Rule, measurements: Measurements) -> tuple[list[Finding], str]:
    """Return what one rule found, and why it could not look at everything (empty if it could).

    A rule that fails must not take the others with it, nor pass for a healthy result.
    """
    found: list[Finding] = []
    try:
        for match in rule.check(measurements, rule.bounds):
            found.append(_finding(rule, match))
    except NotExamined as missing:
        return found, str(missing)
    except Exception as error:
        return found, f"the rule failed: {type(error).__name__}: {error}"
    return found, ""


def _finding(rule: Rule, match: Match) -> Finding:
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=match.severity or rule.severity,
        confidence=_confidence(match),
        message=match.message,
        where=match.where,
        related=match.related,
        evidence=match.evidence,
        cause=match.cause or rule.sections["Likely causes"],
        remedy=match.remedy or rule.sections["What to do"],
        refuted_by=rule.sections["What would refute it"],
        explains=rule.explains,
    )


def _confidence(match: Match) -> Confidence:
    """Return how sure a finding is: medium at most where chance could carry it over its bound."""
    near = any(number.straddles for number in match.evidence.values())
    ceiling = Confidence.MEDIUM if near else Confidence.CERTAIN
    return min(match.confidence, ceiling, key=lambda confidence: confidence.rank)


def _linked(findings: list[Finding]) -> list[Finding]:
    """Keep of what each finding could explain only what was found, at the same place."""
    return [replace(finding, explains=_follow(finding, findings)) for finding in findings]


def _follow(cause: Finding, findings: list[Finding]) -> tuple[str, ...]:
    follows = {other.code for other in findings if _concerns(cause, other)}
    return tuple(code for code in cause.explains if code in follows)


def _concerns(cause: Finding, other: Finding) -> bool:
    """Tell whether two findings are about one thing.

    Findings with a source line must share a line, findings with a layer their model; what has
    no place concerns everything.
    """
    lines, others = _lines(cause), _lines(other)
    if lines and others:
        return bool(lines & others)
    models = {cause.where.model, other.where.model}
    return len(models) == 1 or None in models


def _lines(finding: Finding) -> set[tuple[str, int | None]]:
    places: tuple[Where, ...] = (finding.where, *finding.related)
    return {(place.file, place.line) for place in places if place.file is not None}


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by severity; within one, causes before what they explain, then by step and code."""
    ranked = sorted(findings, key=_rank)
    by_severity: dict[int, list[Finding]] = {}
    for finding in ranked:
        by_severity.setdefault(finding.severity.rank, []).append(finding)
    return tuple(f for group in by_severity.values() for f in _causes_first(group))


def _rank(finding: Finding) -> tuple[int, float, str]:
    step = finding.where.step
    return (-finding.severity.rank, float("inf") if step is None else step, finding.code)


def _causes_first(findings: list[Finding]) -> Iterator[Finding]:
    """Yield findings so that none comes before one that explains it, else in the given order."""
    waiting = list(findings)
    while waiting:
        # Without a cycle among the rules, which a test of the catalogue rules out, the default
        # is never taken.
        ready = next((f for f in waiting if not _explained(f, waiting)), waiting[0])
        waiting.remove(ready)
        yield ready


def _explained(finding: Finding, among: Collection[Finding]) -> bool:
    return any(finding.code in other.explains for other in among if _concerns(other, finding))
