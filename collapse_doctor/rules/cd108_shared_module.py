"""CD108 shared-module: two networks or blocks that should be separate are one.

What it finds
-------------
A network that is named as another one's copy (teacher, target, momentum, ema) is that other, or
holds the same parameters, or parameters over the same memory; two watched models are one; a
container holds one block with weights at several places, as `[block] * n` makes it; or several
networks hold one part because it is the default of an argument.

Why it matters
--------------
A teacher that is its student gives the student's own opinion back: there is nothing to learn, and
nothing that keeps the embedding from collapsing. A stack of one block has the depth of n and the
parameters of one, and each gradient is the sum of n contradicting ones.

Likely causes
-------------
`teacher = student` gives one network two names, and `copy.copy(student)` copies the object but not
its parameters. `target.data = source.data`, and `load_state_dict(…, assign=True)`, put one memory
behind both. `[block] * n`, `dict.fromkeys(names, block)`, and a comprehension over a block built
before it, list one block n times. `def __init__(self, backbone=Backbone())` builds it once for all.

What to do
----------
Use `copy.deepcopy(student)` for the teacher, and take it out of the optimizer. Build each block by
itself: `nn.ModuleList([Block() for _ in range(n)])`.

What would refute it
--------------------
The weights are tied on purpose: a siamese network under two names, or one layer applied n times.
Say so in a comment in that line (`# shared`), or watch the network under one name.

Bounds and their source
-----------------------
names: 2. Identity of modules, of their dictionaries of parameters, and addresses of living memory
are exact; two networks count as one memory only where all of their parameters are, after a step of
an optimizer (weights are lent for an evaluation, and taken back). That separate ones
were meant needs a sign: a name that says copy, two watched names, or several places in one
container. A key encoder that is its query encoder counts only where its outputs were seen cut from
the graph: in retrieval they are tied on purpose. An embedding and its output head, a transposed
matrix, an activation, one slope or one scale are never told.

References
----------
He et al., "Momentum Contrast", CVPR 2020, section 3.2 (a key encoder that is the query encoder
fails). Python Language Reference, `copy` module (shallow and deep copies).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite, Comparison, Sharing
from collapse_doctor.rules.aliasing import Alias, Said, aliases, require_watched, told
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE"]

_EQUAL = frozenset({"equal", "detached", "same-object", "same-input"})


@dataclass(frozen=True)
class Bounds:
    """How many names one network must have."""

    names: int = 2  # identity is exact


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each network under several names, and for each line that ran it so."""
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file holds no modules; watch the training")
    for one in measurements.shared:
        if len(one.names) >= bounds.names and not one.meant:
            match = _structure(one, measurements)
            if match is not None:
                yield match
    if measurements.comparisons:
        for alias in aliases(measurements, "one-network", paired=False):
            yield _two_names(alias)
    require_watched(measurements)  # a second name shows only where the two are compared


def _structure(one: Sharing, measurements: Measurements) -> Match | None:
    met = _met(one, measurements.comparisons)
    if one.kind == "container":
        severity, said = Severity.WARNING, _say_container(one)
    elif one.kind == "default":
        severity, said = Severity.WARNING, _say_default(one)
    elif one.role == "key" and not any(_is_cut(comparison) for comparison in met):
        return None
    else:
        equal = any(relation.kind in _EQUAL for c in met for relation in c.relations)
        sick = equal or one.role == "copy"
        severity, said = (Severity.ERROR if sick else Severity.WARNING), _say_names(one)
    model = one.names[0].partition(".")[0]
    places = tuple(dict.fromkeys(c.site for c in met if c.relations))
    note = "the two are compared here"
    related = tuple(_at(model, None, site, one.step, note) for site in places)
    layer = one.names[0].partition(".")[2] or None
    return Match(
        message=said.message,
        where=_at(model, layer, one.site, one.step),
        related=related if one.kind in ("models", "parts") else (),
        evidence={
            "names": Evidence(len(one.names), 2, ">=", meaning=f"for one {one.module}"),
            "parameters": Evidence(one.parameters, meaning="that all of them hold"),
        },
        severity=severity,
        confidence=Confidence.MEDIUM if severity is Severity.WARNING else Confidence.HIGH,
        cause=said.cause,
        remedy=said.remedy,
    )


def _say_container(one: Sharing) -> Said:
    places = ", ".join(name.rpartition(".")[2] for name in one.names)
    return Said(
        f"{one.owner} holds one {one.module} at {len(one.names)} places ({places}): they share "
        f"all of their {one.parameters:,} parameters.",
        cause="A list that is multiplied, or filled with one block built before it, holds that "
        "block many times; no second set of weights exists.",
    )


def _say_default(one: Sharing) -> Said:
    return Said(
        f"{_listed(one.names)} are one {one.module}, the default of an argument: they share all "
        f"of their {one.parameters:,} parameters.",
        cause="A default is made once, when Python reads the function, and not anew in each call: "
        "all that were built without that argument hold the same network.",
        remedy="Let the default be None, and build the network inside the function where it is.",
    )


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _say_names(one: Sharing) -> Said:
    first, second = one.names[:2]
    how = "a shallow copy of it, or put over its memory" if one.copied else "one object"
    return Said(
        f"{first} and {second} are {'one network' if not one.copied else 'no separate networks'}: "
        f"{'the second is ' if one.copied else ''}{how}, with {one.parameters:,} parameters.",
        cause=f"{second} was not copied from {first} (or the reverse) but is the same "
        f"{one.module}: what one learns the other learns, too.",
    )


def _two_names(alias: Alias) -> Match:
    left, right = alias.names
    calls = (alias.left.called, alias.right.called)
    kinds = {relation.kind for relation in alias.first.relations}
    said = Said(
        f"{left} and {right} come from one network under two names (`{calls[0]}` and "
        f"`{calls[1]}`) when {alias.first.function} compares them.",
        cause=f"`{calls[0]}` and `{calls[1]}` hold the same parameters: an assignment or a "
        "shallow copy makes no second network.",
    )
    match = told(alias, said, Confidence.HIGH)
    severity = Severity.ERROR if kinds & _EQUAL else Severity.WARNING
    return Match(
        message=match.message,
        where=match.where,
        evidence=match.evidence,
        confidence=match.confidence,
        severity=severity,
        related=match.related,
        cause=match.cause,
    )


def _met(one: Sharing, comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons of outputs of the networks that are one."""
    models = {name.partition(".")[0] for name in one.names}

    def is_theirs(comparison: Comparison) -> bool:
        origins = [operand.origin for operand in comparison.operands[:2]]
        return all(origin is not None and origin.model in models for origin in origins)

    return [comparison for comparison in comparisons if is_theirs(comparison)]


def _is_cut(comparison: Comparison) -> bool:
    return len({operand.requires_grad for operand in comparison.operands[:2]}) == 2


def _at(model: str, layer: str | None, site: CallSite | None, step: int, note: str = "") -> Where:
    return at_line(Where(model, layer, step, note=note), site)


RULE = Rule(
    code="CD108",
    name="shared-module",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
