"""What becomes of the terms of a loss: weighed with 0, given another's place, scaled away."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site, callees, calls_of, definitions
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.neutral import guards, neutral_branch, zero_factor
from collapse_doctor.leads.program import Function, Program, name_of
from collapse_doctor.leads.slices import Reached, walked
from collapse_doctor.leads.values import value_of

__all__ = [
    "cut",
    "goes_on",
    "losses",
    "masked",
    "scales",
    "silenced",
    "steps",
    "targets",
    "unsharpened",
]

_MASKS = frozenset(
    {
        *("masked_fill", "masked_fill_", "fill_diagonal_", "clamp", "clamp_min", "clamp_max"),
        *("clip", "round", "sign", "floor", "ceil", "argmax", "argmin", "where", "detach", "item"),
        *("numpy", "zeros_like", "heaviside", "hardtanh", "nan_to_num"),
    }
)
_PAIRED = re.compile(r"cosine_?embedding|contrastive|ranking|siamese", re.IGNORECASE)
_FITTING = re.compile(r"^(mse|l1|smooth_?l1|huber|binary_cross_entropy|bce)", re.IGNORECASE)
_LABELLED = re.compile(r"target|label|same|match|^y$|similar|sign", re.IGNORECASE)
_CUTS = frozenset({"detach", "detach_", "numpy", "item", "tolist", "round"})
_LABELS = frozenset({"ones", "ones_like", "full", "full_like", "zeros", "zeros_like", "new_ones"})
_TEMPERATURE = re.compile(r"temp|tau|scale|sharp|beta|logit", re.IGNORECASE)
_PRODUCTS = frozenset({"mm", "matmul", "einsum", "bmm", "cdist", "cosine_similarity"})
_CASTS = frozenset({"long", "float", "int", "double", "to", "type"})
_OPTIMIZERS = (
    *("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adadelta", "Adamax"),
    *("Rprop", "ASGD"),
)
_USUAL, _USUAL_SGD = 3e-3, 0.1
"""Step sizes on the high side of what is usual, of Adam and its kin, and of plain descent."""
_WORDS = ("target", "labels", "label", "y", "targets")


def losses(program: Program) -> list[Site]:
    """Return what ``backward`` is called on, in a file."""
    found = [
        *program.calls.get("backward", ()),
        *program.calls.get("manual_backward", ()),
    ]
    nodes = []
    for call in found:
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        passed = call.args[0] if call.args else owner
        nodes.append(passed if name_of(owner) in ("accelerator", "fabric", "self") else owner)
    return [Site(node) for node in nodes if node is not None]


def silenced(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where a term of a loss got the weight 0, or lost its place to another one."""
    scopes = set[ast.AST]()
    for reached in walked(program, starts, 7):
        site = reached.site
        for node in ast.walk(site.node):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                yield from _weight(program, site._replace(node=node, part=False), node)
            elif isinstance(node, ast.IfExp):
                lead = neutral_branch(program, site._replace(part=False), node.test)
                if lead is not None:
                    yield lead
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript):
                yield from _listed(program, site._replace(node=node.func.slice, part=False))
        scope = reached.function or program.scope(site.node)
        if scope not in scopes:
            scopes.add(scope)
            yield from _displaced(program, scope)
            if isinstance(scope, Function):
                yield from _skipped(program, site, scope)


def _weight(program: Program, site: Site, node: ast.BinOp) -> Iterator[Lead]:
    known = zero_factor(program, site)
    if known is not None:
        yield Lead(known.line, "a term of the loss is multiplied by 0 from here", is_cause=True)
        return
    for side in (node.left, node.right):
        named = isinstance(side, ast.Subscript) and not isinstance(side.slice, ast.Constant)
        if not named and not isinstance(side, ast.Name):
            continue
        base = side.value if isinstance(side, ast.Subscript) else side
        for one in definitions(program, site._replace(node=base)):
            yield from _zeros_of(one.node)
            for inner in ast.walk(one.node) if one.part else ():  # zip(weights, terms)
                if isinstance(inner, ast.Name | ast.Attribute):
                    for table in definitions(program, one._replace(node=inner, part=False)):
                        yield from _zeros_of(table.node)


def _listed(program: Program, site: Site) -> Iterator[Lead]:
    """Yield the list by which terms are chosen: ``TERMS[name](a, b) for name in ACTIVE``."""
    for one in definitions(program, site):
        tables = [one, *definitions(program, one)] if one.part else []
        for table in tables:
            words = table.node.elts if isinstance(table.node, ast.List | ast.Tuple) else []
            if words and all(isinstance(word, ast.Constant) for word in words):
                yield Lead(table.node.lineno, "these are the terms of the loss")


def _zeros_of(node: ast.AST) -> Iterator[Lead]:
    """Yield the zeros of a table of weights that is written out."""
    values: list[ast.expr] = []
    if isinstance(node, ast.Dict | ast.List | ast.Tuple):
        values = node.values if isinstance(node, ast.Dict) else node.elts
    elif isinstance(node, ast.Call) and name_of(node.func) == "dict":
        values = [word.value for word in node.keywords]
    plain = [one for one in values if isinstance(one, ast.Constant)]
    if len(plain) == len(values) and any(one.value for one in plain):
        for one in plain:
            if one.value == 0:
                yield Lead(one.lineno, "a term of the loss has the weight 0 here", is_cause=True)


def _skipped(program: Program, site: Site, scope: Function) -> Iterator[Lead]:
    for node in ast.walk(scope):
        if isinstance(node, ast.If):
            lead = neutral_branch(program, site._replace(part=False), node.test)
            if lead is not None:
                yield lead


def _displaced(program: Program, scope: ast.AST) -> Iterator[Lead]:
    """Yield what is put under a key, or name, that held another term which nobody read."""
    for node in ast.walk(scope):
        block = getattr(node, "body", None)
        here = node is scope or program.scope(node) is scope
        if not isinstance(block, list) or not here:
            continue
        held: dict[str, str] = {}
        for statement in block:
            target = _key(statement)
            text = ast.unparse(statement) if isinstance(statement, ast.stmt) else ""
            for name in list(held):
                reads = text.partition("=")[2] if name == target else text
                base = name.partition("[")[0]
                if name in reads or (base != name and _reads(reads, base)):
                    del held[name]
            if target is None or not isinstance(statement, ast.Assign):
                continue
            if target in held and isinstance(statement.value, ast.Call | ast.BinOp):
                note = f"`{target}` had another value, which nothing has read"
                yield Lead(statement.lineno, note, is_cause=True)
            held[target] = text


def _reads(text: str, name: str) -> bool:
    """Tell whether a name itself is read in a text, and not only one of its entries."""
    try:
        tree = ast.parse(text.strip() or "0")
    except SyntaxError:
        return False
    names = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return name in names and f"{name}[" not in text


def _key(statement: ast.AST) -> str | None:
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return ast.unparse(target)
    return None


def scales(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where a factor or divisor of scores is written, and where it is applied."""
    for reached in walked(program, starts, 7):
        for node in ast.walk(reached.site.node):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Mult):
                yield from _scale(program, reached, node)


def _scale(program: Program, reached: Reached, node: ast.BinOp) -> Iterator[Lead]:
    for side, other in ((node.right, node.left), (node.left, node.right)):
        known = value_of(program, reached.site._replace(node=side, part=False))
        if known is None or known.value in (0.0, 1.0):
            continue
        if not _TEMPERATURE.search(ast.unparse(side)) and not _is_of_scores(program, node, other):
            continue
        if known.far:
            yield Lead(known.line, f"the scale, {known.value:g}, is written here")
        if reached.function is not None:
            yield Lead(node.lineno, "it is scaled here")


def unsharpened(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where the targets of a softmax are made by one that no temperature below 1 sharpens."""
    found: dict[int, Lead] = {}
    for reached in walked(program, starts, 5):
        for node in ast.walk(reached.site.node):
            if not isinstance(node, ast.Call) or name_of(node.func) != "softmax":
                continue
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            plain = name_of(owner) in ("F", "functional", "torch", "nn")
            logits = next(iter(node.args), None) if plain else owner
            divisor = logits.right if _is_quotient(logits) else ast.Constant(1.0, lineno=0)  # type: ignore[union-attr]
            known = value_of(program, reached.site._replace(node=divisor, part=False))
            if known is not None and known.value >= 1.0:
                note = "a softmax is not sharpened: its temperature is 1 or more here"
                written = known.far and not program.has_default(known.line)
                line = known.line if written else node.lineno
                found.setdefault(line, Lead(line, note))
    yield from (lead._replace(is_cause=len(found) == 1) for lead in found.values())


def _is_quotient(node: ast.AST | None) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)


def _is_of_scores(program: Program, node: ast.BinOp, scaled: ast.expr) -> bool:
    """Tell whether what is scaled is a product of rows, or goes into a softmax as it stands."""
    for one in ast.walk(scaled):
        if isinstance(one, ast.BinOp) and isinstance(one.op, ast.MatMult):
            return True
        if isinstance(one, ast.Call) and name_of(one.func) in _PRODUCTS:
            return True
    above = next((one for one in program.around(node) if isinstance(one, ast.Call)), None)
    name = name_of(above.func).lower() if above is not None else ""
    return "softmax" in name or name in ("cross_entropy", "logsumexp")


def targets(program: Program, call: ast.Call) -> Iterator[Lead]:
    """Yield where the third argument of a pair loss, its labels, got what is in it."""
    words = [word.value for word in call.keywords if word.arg in _WORDS]
    fits = _fits(program, call)
    is_paired = fits or _takes_labels(program, call)
    place = 1 if fits else 2
    given = words or (call.args[place : place + 1] if is_paired else [])
    if not given or isinstance(given[0], ast.Constant):
        return
    first = None
    for reached in walked(program, [Site(given[0])], 6):
        node = reached.site.node
        if reached.steps and first is None and reached.site.line:
            first = Lead(reached.site.line, "its labels are made here")
        if _is_constant(_receiver(node)) if fits else _is_label(node):
            statement = program.statement(node)
            line = node.lineno if statement is None else statement.lineno
            yield Lead(_label_line(node, line), "its labels are made here", is_cause=True)
            return
    if first is not None and not fits:  # else it may be the other view
        yield first


def _kinds(program: Program, call: ast.Call) -> list[str]:
    """Return the names of a function that is called, and of the class of what is called."""
    made = [call.func, *(one.node for one in definitions(program, Site(call.func)))]
    return [name_of(call.func), *(name_of(one.func) for one in made if isinstance(one, ast.Call))]


def _fits(program: Program, call: ast.Call) -> bool:
    """Tell whether a call holds its first argument against its second."""
    kinds = _kinds(program, call)
    return any(_FITTING.search(name) for name in kinds)


def _takes_labels(program: Program, call: ast.Call) -> bool:
    """Tell whether the third argument of a call is what says which pairs belong together."""
    kinds = _kinds(program, call)
    if any(_PAIRED.search(name) for name in kinds):
        return True
    for one in callees(program, Site(call)):
        names = [word.arg for word in one.function.args.args if word.arg != "self"]  # type: ignore[attr-defined]
        if names[2:3] and _LABELLED.search(names[2]):
            return True
    return False


def _is_label(node: ast.AST) -> bool:
    return any(_labels(one) for one in ast.walk(node))


def _label_line(node: ast.AST, otherwise: int) -> int:
    return next((one.lineno for one in ast.walk(node) if _labels(one)), otherwise)  # type: ignore[attr-defined]


def _labels(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    is_cast = name_of(node.func) in _CASTS and isinstance(owner, ast.Compare | ast.BinOp)
    return is_cast or _is_constant(node)


def _receiver(node: ast.AST) -> ast.AST:
    """Return what a chain of casts begins with: ``torch.ones(n)`` of ``torch.ones(n).to(d)``."""
    while isinstance(node, ast.Call) and name_of(node.func) in _CASTS:
        if not isinstance(node.func, ast.Attribute):
            break
        node = node.func.value
    return node


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and name_of(node.func) in _LABELS


def masked(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where a loss, or what went into it, loses what a gradient could follow."""
    for reached in walked(program, starts, 5):
        for node in ast.walk(reached.site.node):
            if isinstance(node, ast.Call) and name_of(node.func) in _MASKS:
                yield Lead(node.lineno, f"`{name_of(node.func)}` decides here what counts")


def cut(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where something on the way is taken out of the graph, and by which setting."""
    for reached in walked(program, starts, 6):
        for node in ast.walk(reached.site.node):
            if isinstance(node, ast.Call) and name_of(node.func) in _CUTS:
                yield Lead(node.lineno, "what comes of this is cut off from the graph")
                yield from guards(program, node)


def goes_on(program: Program, line: int) -> Iterator[Lead]:
    """Yield where the value made at a line goes into more: its use below, or the call around."""
    statement = program.statement_at(line)
    if statement is None:
        return
    scope = program.scope(statement)
    if isinstance(statement, ast.Return) and isinstance(scope, Function):
        calls = calls_of(program, scope)
        if len({call.lineno for call in calls}) == 1:
            yield Lead(calls[0].lineno, "what comes of it is used here")
        return
    if not isinstance(statement, ast.Assign):
        return
    names = {
        one.id
        for target in statement.targets
        for one in ast.walk(target)
        if isinstance(one, ast.Name)
    }
    uses = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id in names
        and node.lineno > (statement.end_lineno or line)
    ]
    found = [one for use in uses if (one := program.statement(use)) is not None]
    lines = sorted(one.lineno for one in found if not isinstance(one, ast.Expr))
    if lines:
        yield Lead(lines[0], "what comes of it is used here")


def steps(program: Program) -> Iterator[Lead]:
    """Yield where the step size is written, where there is one optimizer in the file.

    One that is ten times what is usual explains by itself that the rows came together.
    """
    calls = [one for kind in _OPTIMIZERS for one in program.calls.get(kind, ())]
    if len(calls) != 1:
        return
    words = [w.value for w in calls[0].keywords if w.arg in ("lr", "learning_rate")]
    given = words or calls[0].args[1:2]
    known = value_of(program, Site(given[0])) if given else None
    line = known.line if known is not None else calls[0].lineno
    usual = _USUAL_SGD if name_of(calls[0].func) in ("SGD", "ASGD") else _USUAL
    high = known is not None and known.value >= 10 * usual
    yield Lead(line, "the learning rate is set here", is_cause=high)
