"""Why two views are one: the same noise twice, a function that gives back what it got."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site, callees, calls_of, definitions
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.neutral import neutral, neutral_branch
from collapse_doctor.leads.program import Function, Program, name_of
from collapse_doctor.leads.slices import Reached, results, walked
from collapse_doctor.leads.values import settled_at, value_of

__all__ = [
    "left_in_eval",
    "made_alike",
    "one_input",
    "passed_twice",
    "scaled_only",
    "seeded_alike",
    "taken_from_one",
    "unread",
    "within",
]

_SEEDS = frozenset(
    {"manual_seed", "seed", "default_rng", "RandomState", "seed_everything", "manual_seed_all"}
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_REPEATING = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.DictComp, *_FUNCTIONS)
_PASSES = ("forward", "__call__")
_CHANGING = frozenset(
    {"add", "sub", "mul", "roll", "flip", "masked_fill", "where", "clamp", "lerp"}
)


def made_alike(
    program: Program, starts: list[Site], shut: frozenset[str] = frozenset()
) -> Iterator[Lead]:
    """Yield why what several expressions give is the same, the nearest reason first.

    Functions whose names are ``shut`` are not looked into.
    """
    entered: dict[Function, None] = {}
    for reached in walked(program, starts, shut=shut):
        function = reached.function
        if function is not None and function not in entered:
            entered[function] = None
            yield from _of_function(program, reached, function)
            yield from _given_back(function)
        yield from neutral(program, reached.site)
        yield from _same_branches(reached.site.node)
        yield from _same_settings(program, reached.site)
    for function in entered:  # true of a pair that is drawn anew as well: said last
        yield from _twins(function)


def within(program: Program, function: Function) -> Iterator[Lead]:
    """Yield what one function does to no effect, or alike in each call."""
    yield from _of_function(program, Reached(Site(ast.Constant(None)), 0), function)


def _of_function(program: Program, reached: Reached, function: Function) -> Iterator[Lead]:
    """Yield what a function on the way does to no effect, or alike in each call."""
    body = [node for node in ast.walk(function) if node is not function]
    site = reached.site
    for node in body if _is_repeated(program, function) else ():
        if isinstance(node, ast.Call) and name_of(node.func) in _SEEDS and node.args:
            fixed = value_of(program, site._replace(node=node.args[0], part=False)) is not None
            same = ": each call draws the same numbers" if fixed else ""
            note = f"the random numbers are seeded here{same}"
            yield Lead(node.lineno, note, is_cause=_is_in_training(program, function))
    for node in body:
        if isinstance(node, ast.Expr) and _is_lost(node.value, function):
            yield Lead(node.lineno, "what is computed here is kept by nobody", is_cause=True)
    for node in body:
        if isinstance(node, ast.If | ast.IfExp):
            lead = neutral_branch(program, site, node.test)
            if lead is not None:
                yield lead
                yield Lead(node.lineno, "this branch is never taken")
        elif isinstance(node, ast.expr) and isinstance(program.parents.get(node), ast.stmt):
            yield from neutral(program, site._replace(node=node))
    for node in body:
        if isinstance(node, ast.expr):
            yield from _same_branches(node)
    yield from unread(function)


def _is_repeated(program: Program, function: Function) -> bool:
    """Tell whether a function may be called more than once: data are often drawn by one call."""
    calls = calls_of(program, function)
    return len(calls) != 1 or any(isinstance(one, _REPEATING) for one in program.around(calls[0]))


def _is_in_training(program: Program, function: Function) -> bool:
    """Tell whether a function may be called at every step: not if it only makes the data before."""
    calls = calls_of(program, function)
    around = (one for call in calls for one in program.around(call))
    return not calls or any(isinstance(one, _REPEATING) for one in around)


def _is_lost(value: ast.expr, function: Function) -> bool:
    """Tell whether a statement computes something new, and gives it to no name."""
    if isinstance(value, ast.BinOp):
        return True
    if not isinstance(value, ast.Call) or any(word.arg == "out" for word in value.keywords):
        return False
    owner = value.func.value if isinstance(value.func, ast.Attribute) else None
    if not isinstance(owner, ast.Name) or name_of(value.func) not in _CHANGING:
        return False
    every = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    known = {one.arg for one in every} | {name_of(one) for one in results(function)}
    return owner.id in known  # and no set, which is changed by ``add``


def _same_branches(node: ast.expr) -> Iterator[Lead]:
    """Yield ``torch.where(c, a, a)`` and ``a if c else a``."""
    for one in ast.walk(node):
        if isinstance(one, ast.IfExp):
            pair = [one.body, one.orelse]
        elif isinstance(one, ast.Call) and name_of(one.func) == "where" and len(one.args) == 3:
            pair = one.args[1:]
        else:
            continue
        if ast.unparse(pair[0]) == ast.unparse(pair[1]):
            yield Lead(one.lineno, "what is chosen is the same in either case", is_cause=True)


def _same_settings(program: Program, site: Site) -> Iterator[Lead]:
    """Yield two elements of a display, or two keys of one thing, that are set to be the same."""
    groups: list[list[ast.expr]] = []
    for node in ast.walk(site.node):
        if isinstance(node, ast.Tuple | ast.List):
            groups.append(node.elts)
            taken = [one for part in node.elts for one in ast.walk(part)]
            keyed = [one for one in taken if isinstance(one, ast.Subscript)]
            for base in {ast.unparse(one.value) for one in keyed}:
                groups.append([one.slice for one in keyed if ast.unparse(one.value) == base])
    for group in groups:
        seen: dict[object, str] = {}
        for one in group:
            found = settled_at(program, site._replace(node=one, part=False))
            if found is None or not found.far:
                continue
            text = ast.unparse(one)
            if seen.setdefault(found.value, text) != text:
                note = f"`{text}` is set to what `{seen[found.value]}` is"
                yield Lead(found.line, note, is_cause=True)


def seeded_alike(program: Program) -> Iterator[Lead]:
    """Yield where a second stream of random numbers is made with the seed of a first one."""
    made: dict[tuple[ast.AST, str], str] = {}
    for (scope, name), found in program.names.items():
        for one in found:
            if one.part or not isinstance(one.value, ast.Call) or not _takes_seed(one.value):
                continue
            first = made.setdefault((scope, ast.unparse(one.value)), name)
            if first != name:
                yield Lead(one.line, f"`{name}` is seeded as `{first}` is", is_cause=True)


def _takes_seed(call: ast.Call) -> bool:
    """Tell whether a call is given a seed: by that word, or as what makes generators is."""
    inner = (one for one in ast.walk(call) if isinstance(one, ast.Call))
    return any(
        name_of(one.func) in _SEEDS or any("seed" in (word.arg or "") for word in one.keywords)
        for one in inner
    )


def _twins(function: Function) -> Iterator[Lead]:
    """Yield the second of two names that a function gives one and the same expression."""
    given: dict[str, str] = {}
    back = {
        name.id
        for result in results(function)
        for name in ast.walk(result)
        if isinstance(name, ast.Name)
    }
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, text = node.targets[0], ast.unparse(node.value)
        if not isinstance(target, ast.Name) or target.id not in back:
            continue
        if not isinstance(node.value, ast.Call | ast.Subscript | ast.Attribute | ast.Name):
            continue
        if text in given and given[text] != target.id and "rand" not in text:
            note = f"`{target.id}` is made as `{given[text]}` is"
            yield Lead(node.lineno, note, is_cause=True)
        given.setdefault(text, target.id)
    for result in results(function):
        parts: list[ast.expr] = []
        if isinstance(result, ast.Tuple | ast.List | ast.Dict):
            parts = result.values if isinstance(result, ast.Dict) else result.elts
        seen: set[str] = set()
        for part in parts:
            text = ast.unparse(part)
            if text in seen and not isinstance(part, ast.Constant) and "rand" not in text:
                one = "the same call is made" if "(" in text else "one thing is given back"
                yield Lead(part.lineno, f"{one} twice")
            seen.add(text)


def _given_back(function: Function) -> Iterator[Lead]:
    """Yield the line that gives back a parameter as it came, where that is all a function gives."""
    every = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    names = {one.arg for one in every} - {"self", "cls"}
    back = results(function)
    if not back or not all(isinstance(one, ast.Name) and one.id in names for one in back):
        return
    wanted = {one.id for one in back if isinstance(one, ast.Name)}
    if not any(_may_change(node, wanted) for node in ast.walk(function)):
        yield Lead(back[-1].lineno, "it is given back as it came")


def _may_change(node: ast.AST, wanted: set[str]) -> bool:
    """Tell whether a node gives a name another value, or may change what it holds."""
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Store) and node.id in wanted
    if isinstance(node, ast.Subscript | ast.Attribute):
        return isinstance(node.ctx, ast.Store) and name_of(node.value) in wanted
    if not isinstance(node, ast.Call):
        return False
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    changes = name_of(node.func).endswith("_") or name_of(node.func) in ("append", "update")
    return (changes and name_of(owner) in wanted) or (
        name_of(node.func) in ("setattr", "copyto")
        and name_of(next(iter(node.args), None)) in wanted
    )


def unread(function: Function) -> Iterator[Lead]:
    """Yield the lines that give a name of a function a value which nothing in it reads."""
    nodes = list(ast.walk(function))
    read = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store)}
    for node in nodes:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call | ast.BinOp):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id not in read | {"_"}:
                yield Lead(node.lineno, f"nothing reads `{target.id}`")


def passed_twice(program: Program, function: Function) -> Iterator[Lead]:
    """Yield the calls of a function that pass it one thing for two of its parameters."""
    name = getattr(function, "name", "")
    holder = program.parents.get(function)
    for call in calls_of(program, function) if name else ():
        texts = [ast.unparse(one) for one in call.args if not isinstance(one, ast.Constant)]
        texts += [
            ast.unparse(w.value) for w in call.keywords if not isinstance(w.value, ast.Constant)
        ]
        plain = [text for text in texts if "(" not in text]
        if len(set(plain)) < len(plain):
            owner = holder.name if isinstance(holder, ast.ClassDef) else name
            yield Lead(call.lineno, f"`{owner}` is passed one thing twice here", is_cause=True)


def one_input(program: Program, pair: list[Site]) -> bool:
    """Tell whether two names were given by calls of models that are passed one name."""
    given = [ast.unparse(one) for site in pair[:2] for one in _inputs(program, site)]
    return len(given) == 2 and given[0] == given[1] and "(" not in given[0]


def _inputs(program: Program, site: Site) -> Iterator[ast.expr]:
    """Yield what a network is passed in an expression, unless some function makes a view of it."""
    for one in definitions(program, site)[:1]:
        nodes = ast.walk(one.node)
        calls = [node for node in nodes if isinstance(node, ast.Call) and node.args]
        for call in calls[-1:]:  # the innermost
            entered = callees(program, one._replace(node=call, part=False))
            if all(getattr(way.function, "name", "") in _PASSES for way in entered):
                yield call.args[0]


def scaled_only(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield the functions on the way that do nothing to what they are given but scale it."""
    for reached in walked(program, starts, 4, shut=frozenset({"forward"})):
        node, function = reached.site.node, reached.function
        if not isinstance(function, ast.FunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            names = {one.arg for one in function.args.args}
            if name_of(node.left) in names or name_of(node.right) in names:
                yield Lead(node.lineno, "this only scales what it is given", is_cause=True)


def taken_from_one(program: Program, pair: list[Site]) -> Iterator[Lead]:
    """Yield the line that took both of two names out of what one call gave."""
    found = [definitions(program, site)[:1] for site in pair]
    names = all(isinstance(site.node, ast.Name) for site in pair)
    if names and len(found) == 2 and all(found) and found[0][0].part and found[1][0].part:
        one, other = found[0][0], found[1][0]
        if one.node is other.node and isinstance(one.node, ast.Call):
            yield Lead(one.line, "both are taken from what this one call gives")


def left_in_eval(program: Program) -> Iterator[Lead]:
    """Yield the lines that put a model into eval mode and are followed by no ``train()``."""
    found = []
    for node in program.nodes:
        if isinstance(node, ast.Call) and name_of(node.func) in ("eval", "train"):
            if not isinstance(node.func, ast.Attribute):
                continue
            off = name_of(node.func) == "eval" or any(_is_false(one) for one in node.args)
            found.append((ast.unparse(node.func.value), node, off))
    left = []
    for owner, node, off in found:
        home = program.scope(node)
        back = (
            one
            for name, one, down in found
            if not down and name == owner and program.scope(one) is home
        )
        if off and not any(one.lineno > node.lineno for one in back):
            left.append(node.lineno)
    for line in left:
        yield Lead(line, "eval mode is switched on here", is_cause=len(left) == 1)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
