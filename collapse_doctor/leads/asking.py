"""What is asked of a program for each code: which of its lines may lead to the finding's own."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from collapse_doctor.findings import Finding
from collapse_doctor.leads import (
    axes,
    indices,
    keeping,
    neutral,
    phases,
    schedules,
    shapes,
    stepping,
    terms,
    views,
)
from collapse_doctor.leads.bindings import Site, callees
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Function, Program
from collapse_doctor.leads.slices import walked
from collapse_doctor.leads.values import value_of

__all__ = ["ASKED", "Ask", "Place"]

MOST_SWITCHES = 2
"""Lines that switch to eval mode: of more nobody would know which is meant."""

_QUOTED = re.compile(r"`([^`]+)`")
_SHAPED = re.compile(r"`([^`]+)` \(([\d, ]+)\)")
_PARAMETER = re.compile(r"\b[\w.]+\.(?:weight|bias|\w+)\b")


@dataclass(frozen=True)
class Place:
    """A finding in its file: what is written at its own line, and where the two were compared."""

    program: Program
    finding: Finding
    line: int
    statement: ast.stmt | None
    meeting: ast.stmt | None

    @property
    def parts(self) -> list[ast.expr]:
        """The expressions of the finding's own line."""
        return _expressions(self.statement)

    @property
    def helper(self) -> Function | None:
        """The function that the line is in, unless it is the one that trains."""
        scope = self.program.scope(self.statement) if self.statement is not None else None
        if not isinstance(scope, Function):
            return None
        trains = any(self.program.scope(one.node) is scope for one in terms.losses(self.program))
        return None if trains else scope


def _expressions(statement: ast.stmt | None) -> list[ast.expr]:
    """Return the expressions of a statement, of what holds others only those of its first line."""
    if statement is None or isinstance(statement, Function | ast.ClassDef):
        return []
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return [statement.value] if statement.value is not None else []
    nodes: Iterable[ast.AST] = ast.iter_child_nodes(statement)
    if isinstance(statement, ast.With | ast.AsyncWith):
        nodes = [item.context_expr for item in statement.items]
    return [one for one in nodes if isinstance(one, ast.expr)]


def _arguments(nodes: Iterable[ast.expr]) -> list[ast.expr]:
    """Return what the calls in some expressions are given; the expressions if there is no call."""
    calls = [one for node in nodes for one in ast.walk(node) if isinstance(one, ast.Call)]
    found = [part for call in calls for part in (*call.args, *(w.value for w in call.keywords))]
    return found or list(nodes)


def _sites(nodes: Iterable[ast.expr]) -> list[Site]:
    return [Site(node) for node in nodes]


def _views(place: Place) -> Iterator[Lead]:
    """CD107: two passes over equal inputs."""
    if "eval mode" in place.finding.message:
        switched = list(views.left_in_eval(place.program))
        if len(switched) <= MOST_SWITCHES:
            yield from switched
    if "never used" in place.finding.message:  # forgotten inside of the model: its line is known
        return
    yield from _late(place)
    one = views.one_input(place.program, _operands(place))  # given twice, however it was made
    for lead in _made_alike(place):
        yield lead._replace(is_cause=lead.is_cause and (not one or neutral.is_of_model(lead)))


def _made_alike(place: Place) -> Iterator[Lead]:
    program = place.program
    if place.helper is not None:
        yield from views.passed_twice(program, place.helper)
        yield from views.within(program, place.helper)
    starts = _sites(_arguments(place.parts))
    outer = frozenset({"forward"})
    yield from views.made_alike(program, starts, outer)
    yield from views.made_alike(program, _sites(place.parts))
    yield from views.seeded_alike(program)


def _aliases(place: Place) -> Iterator[Lead]:
    """CD101 to CD105: two operands that are one thing."""
    program, code = place.program, place.finding.code
    if code == "CD101":
        yield from keeping.given_each_time(program, place.parts)
    yield from _late(place)
    operands = _operands(place)
    yield from views.taken_from_one(program, operands[:2])
    chosen = [Site(one) for site in reversed(operands) for one in indices.indices_in(site.node)]
    yield from islice(_rows(place, chosen), 1)
    yield from views.seeded_alike(program)
    yield from _rows(place, chosen)
    if place.helper is not None:
        yield from views.passed_twice(program, place.helper)
        yield from views.within(program, place.helper)
    outer = frozenset({"forward"})
    yield from views.made_alike(program, _sites(place.parts), outer)
    yield from views.made_alike(program, _sites(place.parts))
    chosen = [Site(one) for one in indices.apart(place.parts)]
    if _gives_operand(place):
        chosen = [Site(one) for part in place.parts for one in indices.indices_in(part)]
    yield from _rows(place, chosen)
    if code == "CD103":  # by a helper that cuts what it is given
        for lead in terms.cut(program, _sites(place.parts)):
            yield lead._replace(is_cause=False)
    elif code == "CD105":
        yield from views.scaled_only(program, _sites(_arguments(place.parts)))


def _late(place: Place) -> Iterator[Lead]:
    """Yield the schedules by which what was two at first has become one."""
    if place.finding.where.step:
        yield from schedules.followed(place.program, _sites(place.parts))


def _rows(place: Place, chosen: list[Site]) -> Iterator[Lead]:
    """Yield where rows were chosen: that each was given itself is the fault of the choice."""
    is_itself = place.finding.code in ("CD101", "CD102", "CD104")
    for lead in indices.chosen_rows(place.program, chosen):
        yield lead._replace(is_cause=lead.is_cause and is_itself)


def _gives_operand(place: Place) -> bool:
    """Tell whether the line gives one of the operands as it stands: a return, or its name."""
    if isinstance(place.statement, ast.Return):
        return place.helper is not None
    targets = place.statement.targets if isinstance(place.statement, ast.Assign) else []
    quoted = _QUOTED.findall(place.finding.message)[:2]
    is_taken = all(isinstance(part, ast.Subscript) for part in place.parts)
    return is_taken and any(ast.unparse(target) in quoted for target in targets)


def _operands(place: Place) -> list[Site]:
    """Return the two operands that a message quotes, where they are written."""
    texts = _QUOTED.findall(place.finding.message)[:2]
    nodes = [one for part in _expressions(place.meeting) for one in ast.walk(part)]
    found = []
    for text in texts:
        found += [Site(n) for n in nodes if isinstance(n, ast.expr) and ast.unparse(n) == text][:1]
    return found


def _columns(place: Place) -> Iterator[Lead]:
    """CD205: a column against a row."""
    shaped = [
        (text, len(shape.strip(", ").split(",")))
        for text, shape in _SHAPED.findall(place.finding.message)
    ]
    nodes = [one for part in place.parts for one in ast.walk(part) if isinstance(one, ast.expr)]
    for text, _ in sorted(shaped, key=lambda pair: -pair[1])[:1]:
        for node in nodes:
            if ast.unparse(node) == text:
                yield from shapes.columns(place.program, Site(node))
                return


def _axes(place: Place) -> Iterator[Lead]:
    """CD206: along the batch."""
    yield from axes.along_the_batch(place.program, _sites(place.parts), place.line)


def _scales(place: Place) -> Iterator[Lead]:
    """CD207: the loss stays where a collapse would put it."""
    program, message = place.program, place.finding.message
    starts = [*_sites(place.parts), *terms.losses(program)]
    if "too short" in message or "whatever" in message:
        if "too short" in message:
            yield from terms.unsharpened(program, starts)
        yield from terms.scales(program, starts)
    elif "one thing" not in message and "only pulls" not in message:  # else it is as it must be
        if place.finding.where.step == 0:
            yield from stepping.born_zero(program)
        yield from terms.steps(program)


def _pulls(place: Place) -> Iterator[Lead]:
    """CD208: only drawn together."""
    program = place.program
    parts = list(place.parts)
    parts += [one.site.node for one in walked(program, terms.losses(program), 3)]
    calls = [one for part in parts for one in ast.walk(part) if isinstance(one, ast.Call)]
    found = [lead for call in calls for lead in terms.targets(program, call)]
    found += terms.silenced(program, terms.losses(program))
    if not found and "since step" in place.finding.message:
        found += phases.ended(program, [*_sites(place.parts), *terms.losses(program)])
    yield from found
    if not found:
        passed = "has to be cut off" in place.finding.cause and _is_generic(place)
        for lead in terms.goes_on(program, place.line):  # who calls says which side is the target
            yield lead._replace(is_cause=passed)


def _is_generic(place: Place) -> bool:
    """Tell whether a line of a function compares what the function was passed, as it was passed."""
    nodes = [one for part in place.parts for one in ast.walk(part)]
    inner = [one for one in nodes if isinstance(one, ast.Call)]
    if place.helper is None or any(callees(place.program, Site(one)) for one in inner):
        return False
    passed = {one.arg for one in place.helper.args.args}
    return len({one.id for one in nodes if isinstance(one, ast.Name)} & passed) > 1


def _unmoved(place: Place) -> Iterator[Lead]:
    """CD202: nothing moves."""
    program, message = place.program, place.finding.message
    yield from stepping.called_with(program)
    if "learning rate" in message:
        yield from stepping.zero_rates(program, _sites(place.parts))
    if place.statement is not None:
        yield from stepping.clipped(program, place.statement)
    if "never stepped" in message:
        yield from stepping.stopped(program)
    if "requires a gradient" in message:
        yield from stepping.frozen(program)
    if "in no optimizer" in message or "No optimizer" in message:
        names = _PARAMETER.findall(message)
        yield from stepping.replaced(program, place.line, names)
        yield from stepping.held(program, _sites(place.parts))


def _kept(place: Place) -> Iterator[Lead]:
    """CD106: what is given out again without being made anew."""
    yield from keeping.remembered(place.program, place.parts)
    for one in getattr(place.helper, "decorator_list", ()):
        if "cache" in ast.unparse(one):
            yield Lead(one.lineno, "what it gives is kept from here on", is_cause=True)


def _one_network(place: Place) -> Iterator[Lead]:
    """CD108: what was copied without its weights, where no line is known yet."""
    if place.finding.where.line is not None or "shallow copy" not in place.finding.message:
        return
    copied = place.program.calls.get("copy", ())
    shallow = [one for one in copied if isinstance(one.func, ast.Name) or _is_module(one.func)]
    if len(shallow) == 1:
        note = "`copy` keeps the weights: both have the same ones"
        yield Lead(shallow[0].lineno, note, is_cause=True)


def _is_module(function: ast.expr) -> bool:
    """Tell ``copy.copy`` from a method ``copy`` of something else."""
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "copy"


def _modes(place: Place) -> Iterator[Lead]:
    """CD209: what is done in one of the two modes only."""
    if place.helper is not None:
        yield from views.unread(place.helper)


def _ungraded(place: Place) -> Iterator[Lead]:
    """CD201: no gradient arrives."""
    program = place.program
    yield from stepping.called_with(program)
    if place.finding.where.line is not None:
        yield from stepping.given_out(program, place.line)
        detached = "no graph where the model returns it" in place.finding.cause
        for lead in terms.cut(program, _sites(place.parts)):
            yield lead._replace(is_cause=lead.is_cause or detached)
        return
    yield from terms.masked(program, terms.losses(program))


def _gains(place: Place) -> Iterator[Lead]:
    """CD203, CD204: the numbers that weights are drawn or scaled with."""
    for part in place.parts:
        for call in (one for one in ast.walk(part) if isinstance(one, ast.Call)):
            for one in (*call.args, *(word.value for word in call.keywords)):
                known = value_of(place.program, Site(one))
                if known is not None and known.far:
                    yield Lead(known.line, f"the number, {known.value:g}, is written here")


Ask = Callable[[Place], Iterator[Lead]]
ASKED: Mapping[str, Ask] = {
    **dict.fromkeys(("CD101", "CD102", "CD103", "CD104", "CD105"), _aliases),
    "CD106": _kept,
    "CD108": _one_network,
    "CD107": _views,
    "CD201": _ungraded,
    "CD202": _unmoved,
    "CD203": _gains,
    "CD204": _gains,
    "CD205": _columns,
    "CD206": _axes,
    "CD207": _scales,
    "CD208": _pulls,
    "CD209": _modes,
}
