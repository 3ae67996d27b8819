"""What the alias rules share: finding one relation among the comparisons, and placing it.

The Inspector has already told how two operands are related; these rules only gather its
observations by the line where the operands met, and say them in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from collapse_doctor.findings import Confidence, Evidence, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import (
    CallSite,
    Comparison,
    Operand,
    Relation,
    RelationKind,
)
from collapse_doctor.rules.geometry import EPS
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined

__all__ = [
    "WITHIN_ROUNDING",
    "Alias",
    "Said",
    "aliases",
    "matches",
    "paired_comparisons",
    "require_watched",
    "told",
    "written",
]

WITHIN_ROUNDING = 4
"""Values this many rounding units apart, at the size of the operand, count as equal.

A normalised row went through a product, a sum, a root and a quotient, each of which may err by
half a unit, on either side: four units in all (Higham, "Accuracy and Stability of Numerical
Algorithms", 2002, section 3.1; the sum of d squares errs by less in practice than its bound).
"""

MAKING = frozenset(
    {"detach", "detach_", "data", "numpy", "clone", "__deepcopy__", "mul", "div", "normalize"}
)
"""Operations that make an alias of their operand."""

TURNING = frozenset({"roll"})
"""Operations that move rows, each alike in every run of the line: what they leave where it was is
the code's doing, and no lot that fell so. A single row has nowhere to go."""

NORMALIZING = frozenset({"normalize", "div", "true_divide", "__truediv__"})
"""Operations by which rows may be brought to one length."""
RESIZING = frozenset({"mul", "__mul__", "__rmul__"}) | NORMALIZING

_PRODUCTS = frozenset({"einsum", "bmm", "inner", "vecdot", "dot", "linalg_vecdot"})

_Site = tuple[str, int, str, tuple[str, ...]]
"""File, line and function of a comparison, and its operands as they are written: of two calls in
one line, each has aliases of its own."""


@dataclass(frozen=True)
class Said:
    """What a rule says about one alias; empty parts default to the rule's page."""

    message: str
    cause: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Alias:
    """All comparisons at one call site whose operands stood in one relation, oldest first.

    ``calls`` counts every paired comparison at that site, related or not. ``always`` is true when
    from the first sighting on every call there compared aliases; ``begins`` when the very first
    call there did, and no later one.
    """

    found: tuple[tuple[Comparison, Relation], ...]
    calls: int
    always: bool = True
    begins: bool = False

    @property
    def first(self) -> Comparison:
        """The comparison the alias was first seen in."""
        return self.found[0][0]

    @property
    def relation(self) -> Relation:
        """The relation as it was first seen."""
        return self.found[0][1]

    @property
    def steps(self) -> tuple[int, ...]:
        """The distinct steps at which it was seen, ascending."""
        return tuple(sorted({comparison.step for comparison, _ in self.found}))

    @property
    def left(self) -> Operand:
        """The operand at the relation's left position."""
        return self.first.operands[self.relation.left]

    @property
    def right(self) -> Operand:
        """The operand at the relation's right position."""
        return self.first.operands[self.relation.right]

    @property
    def names(self) -> tuple[str, str]:
        """Both operands as the source names them, or by position where it does not."""
        return (
            _name(self.left, self.relation.left),
            _name(self.right, self.relation.right),
        )

    @property
    def lone(self) -> str:
        """The operand without a gradient, quoted: the one that was cut from the graph."""
        left, right = self.names
        return left if self.right.requires_grad and not self.left.requires_grad else right

    @property
    def of_one_network(self) -> bool:
        """Whether both operands are known to come from the same layer, or nothing is known."""
        left, right = self.left.origin, self.right.origin
        if left is None or right is None:
            return True
        return (left.model, left.layer) == (right.model, right.layer)

    @property
    def of_one_pass(self) -> bool:
        """Whether both operands are known to be outputs of one forward pass of one model."""
        left, right = self.left.origin, self.right.origin
        if left is None or right is None:
            return False
        return (left.model, left.forward) == (right.model, right.forward)

    @property
    def passes(self) -> int:
        """Fewest forward passes from one sighting to the next, 0 after a single sighting."""
        forwards = sorted({comparison.forward for comparison, _ in self.found})
        return min((b - a for a, b in pairwise(forwards)), default=0)

    @property
    def is_written(self) -> bool:
        """Whether the code makes the alias whenever the line runs, and not chance now and then.

        One object under two names, and an operation that cut, copied or scaled one operand into
        the other, are written there; unless without any gradient, as in measuring a drift, only the
        first of many calls had nothing else to compare with. All else (equal views, equal values, a
        past output) may happen to a loop over all pairs, to the last small batch, or to a policy
        before its first update, and must recur.
        """
        one, other = self.left.origin, self.right.origin
        if self.relation.kind == "same-object":
            return not self.begins or self.left.requires_grad or self.right.requires_grad
        if self.always:
            return True
        if one is None or other is None or one.forward != other.forward:
            return False
        apart = {*one.path} ^ {*other.path}
        turned = not TURNING.isdisjoint(apart) and self.left.shape[0] > 1
        return turned or not MAKING.isdisjoint(apart)

    @property
    def is_rounded(self) -> bool:
        """Whether the values agreed to rounding only, and not in every bit."""
        return self.relation.kind == "scalar-multiple"

    @property
    def precision(self) -> str:
        """The coarser dtype of the two operands."""
        return max(self.left.dtype, self.right.dtype, key=lambda name: EPS.get(name, 0.0))

    def lasts(self, occurrences: int, other_network_steps: int) -> bool:
        """Tell whether equal values are more than the common start of two networks.

        Operands of one network need ``occurrences`` sightings. A teacher is born as a copy of
        its student, so operands of two networks must have been equal in every call that was
        seen, at ``other_network_steps`` steps.
        """
        if self.of_one_network:
            return len(self.found) >= occurrences
        always = len(self.found) == self.calls
        return always and len(self.steps) >= other_network_steps


def paired_comparisons(measurements: Measurements) -> tuple[Comparison, ...]:
    """Return the comparisons of row i with row i, raising NotExamined when there are none."""
    return compared(measurements, paired=True)


def compared(measurements: Measurements, *, paired: bool) -> tuple[Comparison, ...]:
    """Return all comparisons, or those of row i with row i; raise NotExamined without any."""
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file does not show what is compared with what; watch the training")
    found = tuple(c for c in measurements.comparisons if c.paired or not paired)
    if not found:
        require_watched(measurements)
        seen = len(measurements.comparisons)
        hidden = measurements.unseen.get("torch.func")
        none = f"none was seen; {hidden}" if hidden else "none was seen"
        among = f"all {seen} comparisons seen were of all pairs" if seen else none
        wanted = "no comparison of row i with row i" if paired else "no comparison"
        raise NotExamined(f"{wanted}: {among}")
    return found


def require_watched(measurements: Measurements) -> None:
    """Raise NotExamined unless something ran, and comparisons were watched to the end."""
    if not (measurements.steps or measurements.layers or measurements.comparisons):
        raise NotExamined("no forward pass and no step was seen")
    if not measurements.watched_comparisons:
        raise NotExamined(measurements.unseen.get("comparisons", "comparisons were not watched"))


def aliases(
    measurements: Measurements, kind: RelationKind, *, paired: bool = True
) -> Iterator[Alias]:
    """Yield the aliases of one kind, one for each call site and pair of operands.

    Parameters
    ----------
    measurements, kind
        What was measured, and the relation that is looked for.
    paired
        False to look at comparisons of all rows with all rows as well.
    """
    compared(measurements, paired=paired)  # raises where there is nothing to look at
    comparisons = sorted(measurements.comparisons, key=lambda c: (c.step, c.forward))
    calls: dict[_Site, int] = {}
    plain: dict[_Site, tuple[int, int]] = {}  # last call without an alias: step, forward pass
    begun: dict[_Site, Comparison] = {}
    found: dict[tuple[_Site, int, int], list[tuple[Comparison, Relation]]] = {}
    for comparison in comparisons:
        names = tuple(operand.expression for operand in comparison.operands)
        site = (comparison.site.file, comparison.site.line, comparison.function, names)
        calls[site] = calls.get(site, 0) + (comparison.paired or not paired)
        begun.setdefault(site, comparison)
        if not comparison.relations:
            plain[site] = (comparison.step, comparison.forward)
        for relation in comparison.relations:
            if _kind(comparison, relation) == kind:
                pair = (site, relation.left, relation.right)
                found.setdefault(pair, []).append((comparison, relation))
    for (site, _left, _right), pairs in found.items():
        first = (pairs[0][0].step, pairs[0][0].forward)
        always = plain.get(site, (-1, -1)) < first
        alone = len(pairs) == 1 and pairs[0][0] is begun[site] and not always
        yield Alias(tuple(pairs), calls[site], always, begins=alone)


def matches(
    measurements: Measurements,
    kind: RelationKind,
    say: Callable[[Alias], Said],
    *,
    confidence: Callable[[Alias], Confidence],
    holds: Callable[[Alias], bool] = lambda _alias: True,
) -> Iterator[Match]:
    """Yield one Match for each alias of ``kind`` that ``holds``.

    Where comparisons were watched for a while only, what was seen then counts; that none was
    found says nothing of the rest.
    """
    for alias in written(measurements, kind):
        if holds(alias):
            yield told(alias, say(alias), confidence(alias))
    require_watched(measurements)


def written(
    measurements: Measurements, kind: RelationKind, *, paired: bool = True
) -> Iterator[Alias]:
    """Yield the aliases of one kind that the code makes, not chance; see :func:`aliases`."""
    yield from (alias for alias in aliases(measurements, kind, paired=paired) if alias.is_written)


def told(alias: Alias, said: Said, confidence: Confidence) -> Match:
    """Return the Match of one alias, placed at the line to change."""
    where, related = _places(alias)
    return Match(
        message=said.message,
        where=where,
        related=related,
        evidence=_numbers(alias),
        confidence=confidence,
        cause=said.cause,
        remedy=said.remedy,
    )


def _kind(comparison: Comparison, relation: Relation) -> RelationKind | None:
    """Return what a relation is told as: a multiple of 1 is no multiple, but equal rows.

    Unless both sides were multiples before they were brought to one length. Rows that are equal to
    rounding only count where both are known to come from one layer: of two networks, a teacher that
    has just begun to leave its student looks the same.
    """
    one, other = comparison.operands[relation.left], comparison.operands[relation.right]
    eps = max(EPS.get(one.dtype, 0.0), EPS.get(other.dtype, 0.0))
    multiples = _is_of_directions(comparison) and _were_multiples(one, other)
    if relation.kind == "equal" and multiples:
        return "scalar-multiple"
    if relation.kind != "scalar-multiple" or relation.difference is None:
        return relation.kind
    if relation.difference > WITHIN_ROUNDING * eps:
        return relation.kind
    if one.origin is None or other.origin is None:
        return None
    if (one.origin.model, one.origin.layer) != (other.origin.model, other.origin.layer):
        return None
    if one.requires_grad != other.requires_grad:
        return "detached"
    return "scalar-multiple" if multiples else "equal"


def _is_of_directions(comparison: Comparison) -> bool:
    """Tell whether a comparison is a cosine or a product: normalising first is part of it."""
    name = comparison.function
    return "(a * b)" in name or "@" in name or name in _PRODUCTS


def _were_multiples(one: Operand, other: Operand) -> bool:
    """Tell whether one of two normalised rows was scaled before, and the other was not."""
    if one.origin is None or other.origin is None or one.origin.forward != other.origin.forward:
        return False
    paths = (one.origin.path, other.origin.path)
    if not all(path and path[-1] in NORMALIZING for path in paths):
        return False
    scaled = [not RESIZING.isdisjoint(path[:-1]) for path in paths]
    return scaled[0] != scaled[1]


def _name(operand: Operand, position: int) -> str:
    return f"`{operand.expression}`" if operand.expression else f"operand {position + 1}"


def _places(alias: Alias) -> tuple[Where, tuple[Where, ...]]:
    """Return the line to change, and the other lines that have a part in it.

    The line to change is where one operand was made from the other; where the interpreter did
    not let us see that, it is the line where they met.
    """
    own = (alias.relation.site,) if alias.relation.site is not None else ()
    site, births = alias.first.site, tuple(dict.fromkeys((*own, *alias.first.births)))
    birth = next((b for b in births if (b.file, b.line) != (site.file, site.line)), None)
    if birth is None:
        return _at(alias, site), ()
    others = (b for b in births if b not in (birth, site))
    made = tuple(_at(alias, other, "an operand is made here, too") for other in others)
    return _at(alias, birth), (_at(alias, site, "the two are compared here"), *made)


def _at(alias: Alias, site: CallSite, note: str = "") -> Where:
    origin = alias.left.origin or alias.right.origin
    model, layer = (origin.model, origin.layer) if origin else (None, None)
    return at_line(Where(model, layer, alias.first.step, note=note), site)


def _numbers(alias: Alias) -> dict[str, Evidence]:
    """Return what was counted and measured; what was not measured is left out."""
    relation, steps = alias.relation, alias.steps
    numbers = {
        "occurrences": Evidence(len(alias.found), 1, ">=", meaning=f"of {alias.calls} calls here"),
        "first_step": Evidence(steps[0]),
        "last_step": Evidence(steps[-1]),
    }
    optional = {
        "cosine": (relation.cosine, "smallest absolute cosine over the rows compared"),
        "scale": (relation.scale, "mean ratio of the second operand to the first"),
        "difference": (relation.difference, "largest difference, relative to the operand's size"),
        "age": (relation.age, "steps between making the operand and using it"),
    }
    for name, (value, meaning) in optional.items():
        if value is not None:
            unit = "steps" if name == "age" else ""
            numbers[name] = Evidence(value, unit=unit, meaning=meaning)
    return numbers
