"""Strengths of nothing: a noise of 0, a dropout that drops none, a choice among one.

Only what follows from numbers that are written in the file is told: the product with 0, and not
that a number looks small.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Program, name_of
from collapse_doctor.leads.values import Known, truth_of, value_of

__all__ = ["guards", "is_of_model", "neutral", "neutral_branch", "zero_factor"]

_RANDOM = frozenset({"rand", "rand_like", "random", "uniform", "uniform_", "random_sample"})
_SPREADS = {"normal": 1, "normal_": 1, "gauss": 1}
_ZERO_WORDS = frozenset({"alpha", "scale", "std", "sigma"})
_RATES = frozenset({"p", "rate", "drop_prob", "dropout", "dropout_prob"})
_DROPS_NOTHING = ": it drops nothing"


def neutral(program: Program, site: Site) -> Iterator[Lead]:
    """Yield where it is written that an operation of an expression changes nothing."""
    for node in ast.walk(site.node):
        if not isinstance(node, ast.expr):
            continue
        for lead in _of_one(program, site._replace(node=node, part=False), node):
            yield lead
            if lead.line != node.lineno:
                yield Lead(node.lineno, "this changes nothing, for that reason")


def is_of_model(lead: Lead) -> bool:
    """Tell whether a lead is a dropout of none: of one input, too, it was to make two views."""
    return lead.note.endswith(_DROPS_NOTHING)


def _of_one(program: Program, here: Site, node: ast.expr) -> Iterator[Lead]:
    """Yield where it is written that one operation changes nothing."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        known = zero_factor(program, here)
        if known is not None:
            yield Lead(known.line, "a product with this number is 0", is_cause=True)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        known = _always(program, here, node)
        if known is not None:
            yield _falls_out(known)
    elif isinstance(node, ast.Call):
        yield from _call(program, here, node)


def zero_factor(program: Program, site: Site) -> Known | None:
    """Return the number that makes a product 0, if one is settled in the file."""
    node = site.node
    if not isinstance(node, ast.BinOp):
        return None
    for side in (node.left, node.right):
        known = value_of(program, site._replace(node=side))
        if known is not None and known.value == 0.0:
            return known
    return None


def neutral_branch(program: Program, site: Site, test: ast.expr) -> Lead | None:
    """Return where it is written that a branch is never taken: ``if noise > 0`` at 0."""
    found = truth_of(program, site, test)
    if found is None or found[0]:
        return None
    return Lead(found[1].line, "by this setting a branch is never taken", is_cause=True)


def guards(program: Program, node: ast.AST) -> Iterator[Lead]:
    """Yield the settings by which a line is run at all: those of the tests around it."""
    below = node
    for above in program.around(node):
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return
        if isinstance(above, ast.If | ast.IfExp):
            found = truth_of(program, Site(above.test), above.test)
            body = above.body if isinstance(above.body, list) else [above.body]
            if found is not None and below is not above.test and found[0] == (below in body):
                yield Lead(found[1].line, "by this setting that line is run", is_cause=True)
        below = above


def _always(program: Program, site: Site, node: ast.Compare) -> Known | None:
    """Return the number with which a draw between 0 and 1 is compared to no effect."""
    sides = (node.left, node.comparators[0])
    for one, other in (sides, sides[::-1]):
        drawn = (n for n in ast.walk(one) if isinstance(n, ast.Call))
        if any(name_of(call.func) in _RANDOM for call in drawn):
            known = value_of(program, site._replace(node=other))
            if known is not None and known.value in (0.0, 1.0):
                return known
    return None


def _call(program: Program, site: Site, node: ast.Call) -> Iterator[Lead]:
    name = name_of(node.func)
    lower = name.lower()
    given = [value_of(program, site._replace(node=one)) for one in node.args]
    words = {
        word.arg: known
        for word in node.keywords
        if word.arg is not None
        and (known := value_of(program, site._replace(node=word.value))) is not None
    }
    if "drop" in lower:
        rate = next((words[key] for key in _RATES & set(words)), None)
        place = 0 if name[:1].isupper() else 1
        if rate is None and len(given) > place:
            rate = given[place]
        if rate is not None and rate.value == 0.0:
            note = f"the rate of `{name}` is 0 here{_DROPS_NOTHING}"
            yield Lead(rate.line, note, is_cause=True)
    elif name in ("bernoulli", "bernoulli_"):
        yield from _coin(program, site, node)
    elif name in ("randrange", "randint", "integers", "choice"):
        yield from _choice(name, node, given, words)
    elif name in ("mul", "mul_", "roll"):
        function = ast.unparse(node.func) in ("torch.roll", "np.roll", "torch.mul")
        known = words.get("shifts", next(iter(given[function:]), None))
        if known is not None and known.value == 0.0:
            yield Lead(known.line, f"`{name}` is given 0 here", is_cause=True)
    elif name == "lerp" and given and given[-1] is not None and given[-1].value in (0.0, 1.0):
        note = f"the weight is {given[-1].value:g} here: one of the two is left out"
        yield Lead(given[-1].line, note, is_cause=True)
    for key in _ZERO_WORDS & set(words):
        if words[key].value == 0.0:
            yield Lead(words[key].line, f"`{key}` is 0 here: nothing is added", is_cause=True)
    at = _SPREADS.get(name)
    if at is not None and len(given) > at:
        spread = given[at]
        if spread is not None and spread.value == 0.0:
            note = "the spread is 0 here: what is drawn is a constant"
            yield Lead(spread.line, note, is_cause=True)


def _coin(program: Program, site: Site, node: ast.Call) -> Iterator[Lead]:
    """Yield where a coin always falls on one side: ``torch.bernoulli(torch.full(shape, 1.0))``."""
    given: list[ast.expr] = list(node.args[-1:])
    for one in list(given):
        if isinstance(one, ast.Call) and name_of(one.func).startswith(("full", "new_full")):
            given = list(one.args[-1:])
    for one in given:
        known = value_of(program, site._replace(node=one))
        if known is not None and known.value in (0.0, 1.0):
            yield _falls_out(known)


def _falls_out(known: Known) -> Lead:
    note = f"at {known.value:g} the draw always falls out the same way"
    return Lead(known.line, note, is_cause=True)


def _choice(
    name: str, node: ast.Call, given: list[Known | None], words: dict[str, Known]
) -> Iterator[Lead]:
    """Yield where a choice among several is one among one."""
    bounds = [one for one in node.args[:2] if not isinstance(one, ast.Tuple | ast.List)]
    numbers = given[: len(bounds)]
    low, high = (numbers[0], numbers[1]) if len(numbers) > 1 else (None, next(iter(numbers), None))
    if len(numbers) > 1 and low is None:
        return
    high = words.get("high", high)
    if high is None:
        return
    first = low.value if low is not None else 0.0
    last = high.value if name == "randint" and _is_plain(node) else high.value - 1
    if first == last:
        note = f"`{name}` has one number to choose from: {first:g}"
        yield Lead(high.line, note, is_cause=True)


def _is_plain(node: ast.Call) -> bool:
    """Tell whether it is the ``randint`` of ``random``, which may give its upper end."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id in ("random", "rng", "rnd")
