"""What active tests say of the cause of a finding: born or learnt, model or input, loss or network.

A test is no finding of its own. Where one was made of the layer that a finding is about, its
numbers stand beside the finding's own, and the cause says what follows from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Evidence, Finding
from collapse_doctor.recording.observations import Probe
from collapse_doctor.rules.geometry import FELL, per_cent
from collapse_doctor.rules.modes import ModeBounds
from collapse_doctor.rules.spread import CollapseBounds

__all__ = ["attested"]

ALIKE = CollapseBounds().dispersion
"""Rows or inputs with less spread than this, relative to their length, are nearly one vector."""
STILL = ModeBounds().noise
"""Of the spread: a thousand times what rounding of float32 moves."""
SHAPES = ("CD301", "CD302", "CD303", "CD305", "CD311")
POINTS = ("CD301", "CD305", "CD311")
UNMOVED = ("CD201", "CD202")


@dataclass(frozen=True)
class Witness:
    """What one test says: its numbers, a sentence for the cause, and whether it bears out."""

    evidence: Mapping[str, Evidence]
    says: str
    confirms: bool = False


def attested(finding: Finding, probes: Iterable[Probe]) -> Finding:
    """Return a finding with what the active tests of its layer say of its cause.

    What a test bears out is no longer only fairly sure. No test makes a finding milder or worse.
    """
    made = [probe for probe in probes if probe.layer and probe.model == finding.where.model]
    found = [witness for ask in _ASKED for witness in ask(finding, made)]
    if not found:
        return finding
    evidence = dict(finding.evidence)
    for witness in found:
        evidence |= witness.evidence
    surer = finding.confidence is Confidence.MEDIUM and any(w.confirms for w in found)
    said = " ".join(witness.says for witness in found)
    return replace(
        finding,
        evidence=evidence,
        cause=f"{said}\n\n{finding.cause}".strip(),
        confidence=Confidence.HIGH if surer else finding.confidence,
    )


def _born_or_learnt(finding: Finding, probes: list[Probe]) -> Iterator[Witness]:
    """Hold the model against itself with weights drawn anew."""
    if finding.code not in SHAPES:
        return
    arms = {probe.arm: probe for probe in _of(finding, probes, "redrawn")}
    if set(arms) != {"trained", "drawn"}:
        return
    metric, words = _measure(finding)
    now, drawn = (_number(arms[arm], metric) for arm in ("trained", "drawn"))
    if math.isnan(now) or math.isnan(drawn):
        return
    learnt = drawn > FELL * now
    says = (
        f"Learnt, not born: with weights drawn anew {words} of the probe is {per_cent(drawn)}, "
        f"against {per_cent(now)} as it was trained."
        if learnt
        else f"Born, not learnt: with weights drawn anew {words} of the probe is no larger "
        f"({per_cent(drawn)}, against {per_cent(now)} as it was trained), so look at the "
        "architecture and the input before the loss."
    )
    numbers = {
        f"{metric}_drawn_anew": Evidence(drawn, meaning="on the probe, weights drawn anew"),
        f"{metric}_of_probe": Evidence(now, meaning="on the probe, as it was trained"),
    }
    yield Witness(numbers, says, confirms=learnt)


def _measure(finding: Finding) -> tuple[str, str]:
    """Return the measure that a finding was judged by, and its words."""
    if finding.code not in POINTS:
        return "effective_rank_share", "the rank in use"
    directed = next(iter(finding.evidence), "") == "direction_dispersion"
    if directed:
        return "direction_dispersion", "the spread of directions"
    return "relative_dispersion", "the spread"


def _number(probe: Probe, metric: str) -> float:
    values = probe.values
    if metric == "effective_rank_share":
        rank = values.get("effective_rank")
        return math.nan if rank is None else rank / min(max(probe.rows - 1, 1), probe.width)
    value = values.get(metric)
    return math.nan if value is None else value


def _model_or_input(finding: Finding, probes: list[Probe]) -> Iterator[Witness]:
    """Hold the embedding of the probe against that of noise."""
    if finding.code not in POINTS:
        return
    for probe in _of(finding, probes, "noise"):
        values = {name: math.nan if v is None else v for name, v in probe.values.items()}
        moved, entered = values.get("moved", math.nan), values.get("input", math.nan)
        numbers = {"moved_by_noise": Evidence(moved, meaning="over the length of the rows")}
        if entered < ALIKE:
            numbers["spread_of_input"] = Evidence(entered, ALIKE, "<", meaning="of the probe")
            says = (
                f"The rows of the probe are nearly one vector when they enter ({per_cent(entered)} "
                "of their length apart), so no model could tell them apart."
            )
            yield Witness(numbers, says)
        elif moved < ALIKE:
            says = (
                "The embedding hardly depends on the input: noise in the place of the probe moves "
                f"it by {per_cent(moved)} of its length."
            )
            yield Witness(numbers, says, confirms=True)
        return


def _loss_or_network(finding: Finding, probes: list[Probe]) -> Iterator[Witness]:
    """Tell where a gradient is lost: on its way through the model, or before it arrives there."""
    if finding.code not in UNMOVED:
        return
    shown = [probe for probe in probes if probe.test == "reach"]
    totals = [probe for probe in shown if not probe.arm]
    if not totals:
        return
    best = max(totals, key=lambda probe: probe.values.get("reached") or 0.0)
    reached, of = (int(best.values.get(name) or 0) for name in ("reached", "parameters"))
    numbers = {"reached": Evidence(reached, meaning=f"of {of} parameters, from {best.layer}")}
    cut = [probe.layer for probe in shown if probe.arm == best.layer]
    if of and reached == of:
        says = (
            f"The way back is whole: a gradient at {best.layer} reaches all {of} parameters of "
            f"{best.model}. What stops it lies behind the embedding: in the loss, or in the step."
        )
    elif not reached:
        says = (
            f"No gradient at {best.layer} reaches any parameter of {best.model}: it is cut inside."
        )
    else:
        names = ", ".join(cut[:3]) + (f" and {len(cut) - 3} more" if len(cut) > 3 else "")
        says = f"A gradient at {best.layer} reaches {reached} of {of} parameters" + (
            f", and none of {names}." if cut else "."
        )
    yield Witness(numbers, says, confirms=reached < of)


def _rows_or_batch(finding: Finding, probes: list[Probe]) -> Iterator[Witness]:
    """Tell whether rows of a batch mix where they should not: in eval mode."""
    if finding.code not in (*SHAPES, "CD206"):
        return
    for probe in _of(finding, probes, "neighbours"):
        beside = probe.values.get("beside_eval")
        if beside is not None and beside > STILL:
            numbers = {
                "moved_by_neighbours": Evidence(
                    beside, STILL, ">", meaning="of the spread, in eval"
                )
            }
            says = (
                "Rows of a batch mix: with other rows beside them they move by "
                f"{per_cent(beside)} of their spread, in eval mode as well. A layer takes the "
                "batch for another dimension (`batch_first`, a softmax over dimension 0)."
            )
            yield Witness(numbers, says, confirms=finding.code == "CD206")
        return


def _of(finding: Finding, probes: list[Probe], test: str) -> list[Probe]:
    """Return what a test showed of the embedding that a finding is about."""
    layers = {place.layer for place in (finding.where, *finding.related)}
    outputs = [probe for probe in probes if probe.test == test and probe.role == "output"]
    own = [probe for probe in outputs if probe.layer in layers]
    names = {probe.layer for probe in outputs}
    return own or (outputs if len(names) == 1 else [])


_Ask = Callable[[Finding, list[Probe]], Iterator[Witness]]
_ASKED: tuple[_Ask, ...] = (_born_or_learnt, _model_or_input, _loss_or_network, _rows_or_batch)
