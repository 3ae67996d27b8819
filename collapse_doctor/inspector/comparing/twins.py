"""Operands of two forward passes that were one: of equal inputs, or of one network by two names."""

from __future__ import annotations

from types import NoneType
from typing import NamedTuple

from torch import Tensor

from collapse_doctor.inspector.comparing.names import birth_of, elements_of, line_at
from collapse_doctor.inspector.comparing.passes import (
    Call,
    Run,
    apart,
    are_bound,
    are_twins,
    equal_inputs,
    frames,
    is_doubled,
    two_views,
)
from collapse_doctor.inspector.comparing.provenance import CUTTING, Known
from collapse_doctor.inspector.comparing.relations import Related
from collapse_doctor.inspector.comparing.roles import is_copy_of
from collapse_doctor.inspector.comparing.vocabulary import HEADS
from collapse_doctor.inspector.source.callsite import scope_of, site_of
from collapse_doctor.inspector.source.forgotten import is_of_the_other, repeated_call
from collapse_doctor.inspector.source.junctions import junction_of
from collapse_doctor.inspector.source.lastnames import last_assignment
from collapse_doctor.inspector.source.picked import index_line, narrowed
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite, Origin

__all__ = [
    "Sides",
    "crossed_towers",
    "entered_twice",
    "is_bound",
    "is_forgotten",
    "may_be_twins",
    "one_network",
    "rows_to_pair",
    "same_input",
    "same_scores",
    "same_views",
]

WITHIN_ROUNDING = 4
"""Rounding units within which rows count as equal, as the rules have it."""

_PLAIN = CUTTING | {"normalize", "to", "float", "view", "reshape", "flatten", "contiguous", "cpu"}
"""Operations that leave of a network's output what it is."""
_HEADS = frozenset(HEADS.values()) - {"dropout"}
_SCORING = frozenset({"sum", "mean", "squeeze", "neg", "__neg__"})
"""What makes one number of a row, or shows it otherwise."""
_SHIFTING = frozenset({"add", "__add__", "__radd__"})
"""How a margin is added to one of two scores."""
_SELECTING = frozenset({"chunk", "split", "__getitem__", "narrow", "select", "unbind"})


class Sides(NamedTuple):
    """Two operands: what is known of them, and whether each takes a gradient."""

    left: Known | None
    right: Known | None
    grads: tuple[bool, bool]
    paired: bool

    @property
    def runs(self) -> tuple[Run, Run] | None:
        """The passes of one model at one step they come from, or None."""
        if self.left is None or self.right is None:
            return None
        one, other = self.left.run, self.right.run
        steps = {self.left.origin.step, self.right.origin.step}
        if one is None or other is None or one.model != other.model or len(steps) > 1:
            return None
        return one, other

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where those come from of which it is known: both, if there are :attr:`runs`."""
        return tuple(one.origin for one in (self.left, self.right) if one is not None)


def may_be_twins(sides: Sides) -> bool:
    """Tell whether it is worth to wait for values: two passes of one model, and a gradient."""
    runs = sides.runs
    return runs is not None and runs[0] is not runs[1] and any(sides.grads)


@reading(NoneType)
def one_network(sides: Sides) -> CallSite | None:
    """Return the line that ran a network by its second name, where the first is its student's.

    Two names are enough where the objects differ (a shallow copy shares hooks and parameters);
    else one name must be a copy's and its side cut from the graph: so much is no siamese network.
    """
    runs = sides.runs
    if runs is None or runs[0] is runs[1] or not any(sides.grads):
        return None
    calls = [run.call for run in runs]
    if calls[0] is None or calls[1] is None or calls[0].callee == calls[1].callee:
        return None
    names = (calls[0].callee, calls[1].callee)
    for mine, call in enumerate(calls):
        cut = sides.grads[1 - mine] and not sides.grads[mine]
        copied = cut and is_copy_of(names[mine], names[1 - mine])
        if call is not None and (copied or runs[0].module != runs[1].module):
            return _named(call, names) or _line(sides, mine)
    return None


@reading(NoneType)
def same_input(sides: Sides, related: Related | None, eps: float) -> CallSite | None:
    """Return the line where the second of two equal inputs was made, or was passed on.

    Parameters
    ----------
    sides, related
        The operands, and how their values are related.
    eps
        Distance from 1 to the next number of the precision they are stored in.
    """
    runs = sides.runs
    if runs is None or not any(sides.grads):
        return None
    equal = related is not None and _is_equal(related, eps)
    if runs[0] is runs[1]:
        return _in_one_pass(sides.origins, runs[0], sides.left) if equal else None
    if not are_twins(*runs):
        return None
    meant = two_views(*runs)
    cut = sides.grads[0] != sides.grads[1]
    if (equal and sides.paired and not cut) or (meant and (equal or _is_predicted(sides))):
        return _input_line(sides, runs)
    return None


@reading(NoneType)
def crossed_towers(sides: Sides) -> CallSite | None:
    """Return the line that gave one of two networks what belongs to the other, by its name.

    Two networks that learn from one input may be meant so (mutual learning, several heads); not
    where ``text_tower`` is given ``batch["image"]``, as ``image_tower`` is.
    """
    one, other = sides.left, sides.right
    if one is None or other is None or one.run is None or other.run is None:
        return None
    if one.run.model == other.run.model or one.origin.step != other.origin.step:
        return None
    given = [[each.token for each in run.inputs] for run in (one.run, other.run)]
    if not all(sides.grads) or not given[0] or given[0] != given[1]:
        return None
    for mine, theirs in ((one, other), (other, one)):
        call, their = (one.run.call if one.run else None for one in (mine, theirs))
        if call is None or their is None or len(call.arguments) != 1:
            continue
        if is_of_the_other(call.callee, their.callee, call.arguments[0]):
            return mine.made
    return None


@reading(NoneType)
def same_views(sides: Sides) -> CallSite | None:
    """Return where the second of two equal inputs was made, of two that were meant to differ."""
    runs = sides.runs
    if runs is None or not any(sides.grads) or not two_views(*runs) or not are_twins(*runs):
        return None
    plain = all(frozenset(one.path) - _HEADS <= _PLAIN for one in sides.origins)
    return _input_line(sides, runs) if plain else None


@reading(NoneType)
def same_scores(sides: Sides) -> CallSite | None:
    """Return where the second of two equal inputs was made, of which two scores are one.

    What is left of rows by the same operations is equal where the rows are.
    """
    runs = sides.runs
    if runs is None or runs[0] is runs[1] or not two_views(*runs) or not are_twins(*runs):
        return None
    left, right = sides.origins
    paths = [[each for each in one.path if each not in _SHIFTING] for one in (left, right)]
    like = left.layer == right.layer and paths[0] == paths[1]
    scored = frozenset(paths[0]) - _HEADS <= _PLAIN | _SCORING
    return _input_line(sides, runs) if like and scored else None


@reading(NoneType)
def entered_twice(sides: Sides) -> CallSite | None:
    """Return where the second of two equal inputs was made, of two passes that are one.

    None where a gradient goes on to one of the inputs alone: what is cut is given twice on purpose.
    """
    runs = sides.runs
    if runs is None or runs[0] is runs[1] or not runs[0].gives_alike(runs[1]):
        return None
    if not two_views(*runs) or not are_twins(*runs):
        return None
    line = _input_line(sides, runs)
    return (index_line(line) or line) if line is not None else None


@reading(bool)
def is_bound(sides: Sides) -> bool:
    """Tell whether the two passes could not have differed: see :func:`are_bound`."""
    runs = sides.runs
    return runs is not None and runs[0] is not runs[1] and are_bound(*runs)


@reading(bool)
def is_forgotten(sides: Sides) -> bool:
    """Tell whether the two are outputs of one pass whose inputs differed."""
    runs = sides.runs
    if runs is None or runs[0] is not runs[1]:
        return False
    left, right = sides.origins
    return left.layer != right.layer and equal_inputs(runs[0]) is None


def _is_equal(related: Related, eps: float) -> bool:
    if not related.by_value:
        return False
    near = related.difference is not None and related.difference <= WITHIN_ROUNDING * eps
    return related.kind in ("equal", "detached") or (related.kind == "scalar-multiple" and near)


def _in_one_pass(origins: tuple[Origin, ...], run: Run, known: Known | None) -> CallSite | None:
    """Look for equal inputs with an output each, or halves of a batch that holds one half twice."""
    left, right = origins
    made = known.made if known is not None else None
    call = run.call
    if left.layer == right.layer:
        selected = all(not _SELECTING.isdisjoint(one.path) for one in (left, right))
        return made if selected and is_doubled(run) else None
    places = equal_inputs(run)
    if places is None:
        several = len(run.inputs) > 1 and run.code is not None
        return repeated_call(run.code) if several and run.code is not None else None
    if call is None or len(call.arguments) != len(run.inputs):
        return made
    return _made_of(call, *(call.arguments[place] for place in places)) or made


def _is_predicted(sides: Sides) -> bool:
    """Tell whether one side went on through a predictor, and the other is the output as it is."""
    left, right = sides.origins
    if not sides.paired or sides.grads[0] == sides.grads[1]:
        return False
    heads = [not _HEADS.isdisjoint(one.path) for one in (left, right)]
    rest = [frozenset(one.path) - _HEADS <= _PLAIN for one in (left, right)]
    return all(rest) and (heads[0] != heads[1] or left.layer != right.layer)


def _input_line(sides: Sides, runs: tuple[Run, Run]) -> CallSite | None:
    later = 0 if runs[0].forward > runs[1].forward else 1
    first, second = runs[1 - later].call, runs[later].call
    if first is not None and second is not None:
        inner, (first, second) = second, apart(first, second)
        given = [[one.token for one in run.inputs] for run in runs]
        same = len(given[0]) == len(second.arguments) and given[0] == given[1]
        for mine, theirs in zip(second.arguments, first.arguments, strict=False):
            line = _made_of(second, theirs, mine, same=same)
            line = line or _made_of(second, *narrowed(theirs, mine))
            if line is not None:
                return line
        if second is not inner and second.frame is not inner.frame:
            return site_of(second.frame)
    return _line(sides, later)


def _made_of(call: Call, first: str, second: str, *, same: bool = False) -> CallSite | None:
    """Return the line that made one input of the other, or where both were made, the later one.

    ``same`` tells that both were one object.
    """
    if first == second:
        elements = elements_of(call.frame, first)
        if elements is None or not same:
            return None
        first, second = elements
    parted = junction_of(call.frame, first, second, "same-object" if same else "equal")
    if same and parted is not None:
        return parted.site
    read = birth_of(call.frame, first, second, "shared-storage")
    read = read or (parted.site if parted is not None else None)
    if read is not None:
        return read
    scope, before = scope_of(call.frame), call.frame.f_lineno
    made = [last_assignment(scope, name, before) for name in (first, second)] if scope else []
    lines = [line for line in made if line is not None]
    return line_at(call.frame, max(lines)) if len(lines) == 2 else None


def _named(call: Call, names: tuple[str, str]) -> CallSite | None:
    """Return the assignment that gave one network two names, in the function or its callers."""
    for kind in ("same-object", "equal"):
        for frame in frames(call):
            read = birth_of(frame, *names, kind)
            if read is not None:
                return read
    return None


def _line(sides: Sides, side: int) -> CallSite | None:
    known = sides[side]
    return known.made if isinstance(known, Known) else None


def rows_to_pair(left: Tensor, right: Tensor, *, product: bool) -> tuple[Tensor, Tensor] | None:
    """Return both operands of a comparison of all rows with all, features last, or None.

    Either a matrix with a matrix, or as broadcast: (n, 1, d) with (1, n, d).
    """
    if left.dim() == right.dim() == 3 and 1 in left.shape[:2] and 1 in right.shape[:2]:
        left, right = left.flatten(0, 1), right.flatten(0, 1)
    if left.dim() != 2 or right.dim() != 2:
        return None
    other = right.T if product else right
    return (left, other) if left.shape == other.shape else None
