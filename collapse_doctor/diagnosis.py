"""Diagnose: run the rules over the measurements and order what they find, root cause first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from collapse_doctor.causes.linking import linked
from collapse_doctor.causes.ordering import arranged
from collapse_doctor.causes.telling import rivals
from collapse_doctor.causes.witnesses import attested
from collapse_doctor.errors import UsageError
from collapse_doctor.findings import Confidence, Diagnosis, Finding, Link, Skipped
from collapse_doctor.leads.telling import led
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
    findings = [attested(finding, measurements.probes) for finding in findings]
    ordered, links = arranged(findings, linked(findings, _depths(measurements)))
    return Diagnosis(
        subject=measurements.subject,
        findings=_explaining([led(finding) for finding in ordered], links),
        skipped=tuple(skipped),
        passed=tuple(passed),
        measurements=measurements,
        links=links,
        rivals=() if measurements.subject.kind == "embeddings" else rivals(ordered, links, skipped),
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


def _explaining(findings: Sequence[Finding], links: Iterable[Link]) -> tuple[Finding, ...]:
    """Keep of what each finding could explain only what was found, and follows from it."""
    follows: dict[int, set[str]] = {place: set() for place in range(len(findings))}
    for link in links:
        follows[link.cause].add(findings[link.effect].code)
    return tuple(
        replace(finding, explains=tuple(sorted(follows[place] - {finding.code})))
        for place, finding in enumerate(findings)
    )


def _confidence(match: Match) -> Confidence:
    """Return how sure a finding is: medium at most where chance could carry it over its bound."""
    near = any(number.straddles for number in match.evidence.values())
    ceiling = Confidence.MEDIUM if near else Confidence.CERTAIN
    return min(match.confidence, ceiling, key=lambda confidence: confidence.rank)


def _depths(measurements: Measurements) -> dict[tuple[str | None, str | None], int]:
    return {
        (layer.model, layer.layer): layer.depth
        for layer in measurements.layers
        if layer.role == "block"
    }
