"""Why an optimizer moves nothing: a rate or norm of 0, a step never taken, a part made too late."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from collapse_doctor.leads.bindings import Site, definitions
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.neutral import guards
from collapse_doctor.leads.program import Program, name_of
from collapse_doctor.leads.slices import walked
from collapse_doctor.leads.values import value_of

__all__ = [
    "born_zero",
    "called_with",
    "clipped",
    "frozen",
    "given_out",
    "held",
    "replaced",
    "stopped",
    "zero_rates",
]

_ADDING = ("add_module", "setattr", "register_module")
_FILLING = ("constant_", "fill_")
_ZEROING = ("zeros_", "zero_", *_FILLING)
_RATES = ("lr", "learning_rate", "base_lr", "eta")


def born_zero(program: Program) -> Iterator[Lead]:
    """Yield where weights are begun with zeros: what they give is equal from the first step on."""
    for name in _ZEROING:
        for call in program.calls.get(name, ()):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            filled = next(iter(call.args), None) if name in ("zeros_", "constant_") else owner
            number = value_of(program, Site(call.args[-1])) if call.args else None
            is_zero = name not in _FILLING or (number is not None and number.value == 0.0)
            if is_zero and filled is not None and "weight" in ast.unparse(filled):
                yield Lead(call.lineno, "weights are set to 0 here", is_cause=True)


def zero_rates(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where a learning rate of 0 is written."""
    for reached in walked(program, starts, 6):
        for node in ast.walk(reached.site.node):
            pairs: list[tuple[str, ast.expr]] = []
            if isinstance(node, ast.Dict):
                keyed = zip(node.keys, node.values, strict=True)
                pairs = [(str(k.value), v) for k, v in keyed if isinstance(k, ast.Constant)]
            elif isinstance(node, ast.Call):
                pairs = [(w.arg or "", w.value) for w in node.keywords]
                pairs += [("lr", one) for one in node.args[1:2]]
            for name, value in pairs:
                if name in _RATES:
                    yield from _zero(program, reached.site._replace(node=value, part=False))


def _zero(program: Program, site: Site) -> Iterator[Lead]:
    known = value_of(program, site)
    if known is not None and known.value == 0.0:
        yield Lead(known.line, "the learning rate of 0 is written here", is_cause=True)
        return
    for reached in walked(program, [site], 4):  # one of several that it may be
        node = reached.site.node
        if isinstance(node, ast.Call) and name_of(node.func) in ("get", "getattr", "pop"):
            last = (
                value_of(program, reached.site._replace(node=node.args[-1], part=False))
                if node.args
                else None
            )
            if last is not None and last.value == 0.0:
                yield Lead(node.lineno, "here it falls back to 0")


def clipped(program: Program, statement: ast.AST) -> Iterator[Lead]:
    """Yield where the norm of 0 is written, to which gradients are clipped."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and "clip" in name_of(node.func):
            for one in (*node.args[1:], *(word.value for word in node.keywords)):
                known = value_of(program, Site(one))
                if known is not None and known.value == 0.0:
                    yield Lead(known.line, "the number is written here: it is 0", is_cause=True)


def stopped(program: Program) -> Iterator[Lead]:
    """Yield the conditions under which the steps of a file are taken."""
    tests = [test for call in program.calls.get("step", ()) if (test := _test_of(program, call))]
    for test in tests:
        note = "a step is only taken if this holds"
        yield Lead(test.lineno, note, is_cause=len(tests) == 1)


def _test_of(program: Program, call: ast.Call) -> ast.If | None:
    """Return the innermost test around a step of what is no schedule."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is None or "sched" in ast.unparse(owner).lower():
        return None
    return next((one for one in program.around(call) if isinstance(one, ast.If)), None)


def replaced(program: Program, made: int, names: list[str]) -> Iterator[Lead]:
    """Yield where a part of a model was given anew, that an optimizer should have held.

    ``made`` is the line of the optimizer, ``names`` those of the parameters it lacks.
    """
    parts = {part for name in names for part in name.split(".")[:-1] if not part.isnumeric()}
    found = [lead for node in program.nodes for lead in _anew(program, node, made, parts)]
    yield from sorted(found, key=lambda lead: (lead.line < made, lead.line))


def _anew(program: Program, node: ast.AST, made: int, parts: set[str]) -> Iterator[Lead]:
    """Yield a line below the optimizer's, or of a method called later, that makes such a part."""
    scope = program.scope(node)
    begins = getattr(scope, "name", "__init__") == "__init__"
    if getattr(node, "lineno", 0) <= made and begins:
        return
    if isinstance(node, ast.Assign):
        for target in node.targets:
            base = target.value if isinstance(target, ast.Subscript) else target
            if isinstance(base, ast.Attribute) and base.attr in parts:
                yield Lead(node.lineno, f"`{base.attr}` is made anew here")
    elif isinstance(node, ast.Call) and name_of(node.func) in _ADDING:
        words = {one.value for one in node.args if isinstance(one, ast.Constant)}
        if words & parts:
            yield Lead(node.lineno, "it is added to the model here")


def held(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where it is decided which parameters an optimizer gets, and by what.

    A single choice by names that are written there decides alone.
    """
    choices = list(_by_name(program, starts))
    yield from (lead._replace(is_cause=len(choices) == 1) for lead in choices)
    for reached in walked(program, starts, 4):
        for node in ast.walk(reached.site.node):
            if not isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
                continue
            own = {n.id for loop in node.generators for n in ast.walk(loop.target) if _is_name(n)}
            for test in (one for loop in node.generators for one in loop.ifs):
                yield Lead(test.lineno, "which parameters it gets is decided here")
                for name in (n for n in ast.walk(test) if _is_name(n) and n.id not in own):
                    for given in definitions(program, reached.site._replace(node=name))[:1]:
                        yield Lead(given.line, f"by `{name.id}`, which is set here")


def _by_name(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield the choices of parameters by parts of their names: ``if "head" in name``."""
    seen = set[int]()
    for reached in walked(program, starts, 6):
        loops = (n for n in ast.walk(reached.site.node) if isinstance(n, ast.comprehension))
        for test in (one for loop in loops for one in loop.ifs):
            words = (n.value for n in ast.walk(test) if isinstance(n, ast.Constant))
            if any(isinstance(word, str) for word in words) and test.lineno not in seen:
                seen.add(test.lineno)
                yield Lead(test.lineno, "which parameters it gets is decided by their names here")


def _is_name(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name)


def frozen(program: Program) -> Iterator[Lead]:
    """Yield where gradients of parameters are switched off, and the setting that says so."""
    for node in program.nodes:
        value = None
        if isinstance(node, ast.Call) and name_of(node.func) == "requires_grad_":
            value = next(iter((*node.args, *(word.value for word in node.keywords))), None)
        elif isinstance(node, ast.Assign) and name_of(node.targets[0]) == "requires_grad":
            value = node.value
        known = value_of(program, Site(value)) if value is not None else None
        if known is not None and known.value == 0.0:
            if known.far:
                yield Lead(known.line, "by this setting parameters are frozen", is_cause=True)
            yield Lead(node.lineno, "parameters are frozen here")  # type: ignore[attr-defined]
            yield from guards(program, node)


def called_with(program: Program) -> Iterator[Lead]:
    """Yield where the parameters were made with which ``functional_call`` runs a model."""
    for call in program.calls.get("functional_call", ()):
        for one in call.args[1:2]:
            for reached in walked(program, [Site(one)], 4):
                text = ast.unparse(reached.site.node)
                if any(
                    word in text for word in ("detach", ".data", "clone", "state_dict", "deepcopy")
                ):
                    statement = program.statement(reached.site.node)
                    line = reached.site.line or (statement.lineno if statement else call.lineno)
                    note = "the parameters it is called with are made here"
                    yield Lead(line, note, is_cause=True)
                    break


def given_out(program: Program, line: int) -> Iterator[Lead]:
    """Yield the ``return`` that gives out what a line of the same function cut from the graph."""
    statement = program.statement_at(line)
    if not isinstance(statement, ast.Assign):
        return
    texts = {ast.unparse(target) for target in statement.targets}
    for node in ast.walk(program.scope(statement)):
        if not isinstance(node, ast.Return) or node.value is None or node.lineno <= line:
            continue
        given = {ast.unparse(one) for one in ast.walk(node.value) if isinstance(one, ast.expr)}
        if texts & given:
            yield Lead(node.lineno, "it is given back here")
