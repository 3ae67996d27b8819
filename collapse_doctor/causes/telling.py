"""What else may be the cause, and what would tell.

Another finding may explain the same; a guess may be right; and what was not examined may be what is
behind a root that is itself only a symptom. Of each of them it is said what to try.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from collapse_doctor.causes.edges import edges_to
from collapse_doctor.causes.linking import below
from collapse_doctor.findings import Confidence, Finding, Link, Rival, Severity, Skipped

__all__ = ["EXAMINE", "TRY", "rivals"]

MOST = 3
"""Other causes that are named: of more nobody would try one after the other."""

SYMPTOMS = ("CD203", "CD204", "CD207", "CD3", "CD4")
"""What a training comes to; something is always behind it."""

TRY: Mapping[str, str] = {
    "CD1": "compute the second of the two operands anew, from its own input, and take one step",
    "CD108": "make the second network with `copy.deepcopy`, and take one step",
    "CD201": "call `torch.autograd.grad(loss, embedding)` once",
    "CD202": "compare `next(model.parameters())` before and after one step",
    "CD204": "take as many steps with a tenth of the learning rate",
    "CD205": "print the shapes of the two operands, and make them equal",
    "CD206": "name the last dimension in that call (`dim=-1`)",
    "CD208": "take as many steps with a term that pushes different rows apart",
    "CD401": "stop at the first step that is not finite, and look at what it was given",
    "CD402": "leave the rows of zeros out of one batch",
    "CD501": "train on a batch whose rows you know to differ",
    "CD503": "train on batches with several labels",
}
"""What would show whether a code is the cause, by the code or how it begins."""

EXAMINE: Mapping[str, str] = {
    "CD203": "watch a few more steps of the optimizer",
    "CD204": "watch a few more steps of the optimizer",
    "CD208": (
        "take as many steps with a term that pushes different rows apart; to have the loss "
        "examined, let it be computed on what the watched model returns (name the embedding with "
        "`layers=`)"
    ),
    "CD501": "give a batch for active tests: `Inspector(model, probe=batch)`",
    "CD503": "hand the labels over: `inspector.step(labels=y)`",
}
"""How a code could be examined that was not."""


def rivals(
    findings: Sequence[Finding], links: Collection[Link], skipped: Collection[Skipped]
) -> tuple[Rival, ...]:
    """Return what else may be the root of what the first finding is the root of.

    Parameters
    ----------
    findings, links
        What was found, root cause first, and the graph.
    skipped
        What was not examined, and why.
    """
    if not findings or findings[0].severity is Severity.INFO:
        return ()
    found = [_found(findings[place]) for place in _others(findings, links)]
    return (*found, *_unexamined(findings, skipped))[:MOST]


def _others(findings: Sequence[Finding], links: Collection[Link]) -> Iterator[int]:
    """Yield the places of other roots that explain a part of the same."""
    own = below(links, {0})
    for place in range(1, len(findings)):
        alarming = findings[place].severity is not Severity.INFO
        if alarming and place not in own and below(links, {place}) & own:
            yield place


def _found(other: Finding) -> Rival:
    sure = other.confidence is not Confidence.LOW
    reason = "explains a part of it as well" if sure else "would explain it, but is not sure"
    return Rival(other.code, other.name, found=True, reason=reason, test=_test(other.code))


def _test(code: str) -> str:
    known = TRY.get(code) or TRY.get(code[:3])
    return known or f"repair {code} alone, and take as many steps again"


def _unexamined(findings: Sequence[Finding], skipped: Collection[Skipped]) -> Iterator[Rival]:
    """Yield what may be behind a symptom that nothing explains, as far as it could be examined."""
    root = findings[0]
    if not root.code.startswith(SYMPTOMS):
        return
    known = {finding.code for finding in findings}
    for one in skipped:
        if one.code in edges_to(root.code) and one.code in EXAMINE and one.code not in known:
            yield Rival(one.code, one.name, found=False, reason=one.reason, test=EXAMINE[one.code])
