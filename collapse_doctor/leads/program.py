"""One file of a program, parsed once: its functions, its calls, and who gave what to which name."""

from __future__ import annotations

import ast
import functools
import linecache
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Function", "Given", "Program", "name_of", "program_of", "settled"]

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
MOST_NODES = 60_000
"""A file with more nodes is not read: it was generated, or it is no training program."""

_OPTIONS = ("add_argument", "option", "Option", "add_option")
_MAKES_SETTINGS = re.compile(
    r"^(update|replace)$|(config|options|settings|args|namespace|params|dict|opts|cfg|munch|conf)$",
    re.IGNORECASE,
)
_SETTING = re.compile(r"""["']?(\w+)["']?\s*[:=]\s*(-?\d[\d.]*(?:[eE][+-]?\d+)?)\s*(?=[,}\n]|$)""")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Given(NamedTuple):
    """A value that was given to a name, an attribute or a key; ``part`` if it is only a part of it.

    ``place`` is which part of the value it is, None where that is not known; ``within`` tells that
    it is read on the line that gives it, as in a comprehension, ``default`` that another value of
    the same name comes first.
    """

    value: ast.expr
    line: int
    part: bool = False
    place: int | None = None
    within: bool = False
    default: bool = False


class Program:
    """The syntax tree of a file, with the tables that following a value back needs."""

    def __init__(self, file: str, tree: ast.Module) -> None:
        self.file, self.tree = file, tree
        self.parents: dict[ast.AST, ast.AST] = {}
        self.functions: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = defaultdict(list)
        self.classes: dict[str, ast.ClassDef] = {}
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)
        self.names: dict[tuple[ast.AST, str], list[Given]] = defaultdict(list)
        self.keys: dict[str, list[Given]] = defaultdict(list)
        self.kept: dict[str, list[Given]] = defaultdict(list)
        self.own: dict[tuple[ast.ClassDef, str], list[Given]] = defaultdict(list)
        self.nodes = list(ast.walk(tree))
        for node in self.nodes:
            for below in ast.iter_child_nodes(node):
                self.parents[below] = node
        for node in self.nodes:
            self._enter(node)
        for node in self.nodes:
            if isinstance(node, ast.Call):
                self._settings(node)

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the innermost function around a node, or the file."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, Function):
            above = self.parents.get(above)
        return above if above is not None else self.tree

    def kind(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the innermost class around a node."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, ast.ClassDef):
            above = self.parents.get(above)
        return above

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what is around a node, the innermost first."""
        above = self.parents.get(node)
        while above is not None:
            yield above
            above = self.parents.get(above)

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement that a node is, or is in."""
        here: ast.AST | None = node
        while here is not None and not isinstance(here, ast.stmt):
            here = self.parents.get(here)
        return here

    def statement_at(self, line: int) -> ast.stmt | None:
        """Return the innermost statement that a line is part of."""
        found = [
            node
            for node in self.nodes
            if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
        ]
        return max(found, key=lambda node: (node.lineno, -(node.end_lineno or 0)), default=None)

    def text(self, line: int) -> str:
        """Return the text of a line."""
        return linecache.getline(self.file, line).strip()

    def has_default(self, line: int) -> bool:
        """Tell whether a line holds a default of a function, in which its callers had a say."""
        return any(
            default is not None and default.lineno == line
            for node in self.nodes
            if isinstance(node, Function)
            for default in (*node.args.defaults, *node.args.kw_defaults)
        )

    def method(
        self, kind: ast.ClassDef, name: str
    ) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return a method of a class, or of one of its bases in the file."""
        waiting, seen = [kind], set[str]()
        while waiting:
            one = waiting.pop(0)
            seen.add(one.name)
            for node in one.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                    return node
            bases = [self.classes.get(name_of(base)) for base in one.bases]
            waiting += [base for base in bases if base is not None and base.name not in seen]
        return None

    def _enter(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.functions[node.name].append(node)
        elif isinstance(node, ast.ClassDef):
            self.classes[node.name] = node
            self._fields(node)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._give(target, Given(node.value, node.lineno))
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            self._give(node.target, Given(node.value, node.lineno))
        elif isinstance(node, ast.AugAssign):
            self._give(node.target, Given(node.value, node.lineno, part=True))
        elif isinstance(node, ast.For | ast.AsyncFor):
            target, source = _counted(node.target, node.iter)
            self._give(target, Given(source, node.lineno, part=True))
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if item.optional_vars is not None:
                    self._give(item.optional_vars, Given(item.context_expr, node.lineno, part=True))
        elif isinstance(node, _COMPREHENSIONS):
            for loop in node.generators:
                self._give(loop.target, Given(loop.iter, loop.iter.lineno, part=True, within=True))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._written_out(node, node.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    self.keys[key.value].append(Given(value, value.lineno))

    def _written_out(self, node: ast.Constant, text: str) -> None:
        """Enter the numbers of settings that are written as a text: JSON, YAML, TOML."""
        if not text.lstrip().startswith(("{", "[")) and "\n" not in text:
            return
        for match in _SETTING.finditer(text):
            line = node.lineno + text.count("\n", 0, match.start(1))
            number = ast.Constant(float(match.group(2)), lineno=line, col_offset=0)
            self.keys[match.group(1)].append(Given(number, line))

    def _fields(self, kind: ast.ClassDef) -> None:
        """Enter what a class gives to its own names: fields of a dataclass, constants."""
        for node in kind.body:
            if isinstance(node, ast.AnnAssign) and node.value is not None:
                name = name_of(node.target)
                self.keys[name].append(Given(node.value, node.lineno, default=True))
                self.own[kind, name].append(Given(node.value, node.lineno))
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    given = Given(node.value, node.lineno, default=True)
                    self.keys[name_of(target)].append(given)
                    self.own[kind, name_of(target)].append(Given(node.value, node.lineno))

    def _call(self, node: ast.Call) -> None:
        name = name_of(node.func)
        self.calls[name].append(node)
        first = node.args[0] if node.args else None
        if name == "partial" and first is not None:
            self.calls[name_of(first)].append(
                ast.copy_location(ast.Call(first, node.args[1:], node.keywords), node)
            )
        if name in _OPTIONS:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            given = [word.value for word in node.keywords if word.arg == "default"]
            for text in texts:
                if isinstance(text, str) and given:
                    key = text.lstrip("-").replace("-", "_")
                    self.keys[key].append(Given(given[0], given[0].lineno))

    def _settings(self, node: ast.Call) -> None:
        """Enter the words of a call that makes settings: ``dict(noise=0)``, ``Config(noise=0)``."""
        name = name_of(node.func)
        if _MAKES_SETTINGS.search(name) or name in self.classes:
            for word in node.keywords:
                if word.arg is not None:
                    self.keys[word.arg].append(Given(word.value, word.value.lineno))

    def _give(self, target: ast.expr, given: Given) -> None:
        if isinstance(target, ast.Starred):
            self._give(target.value, given._replace(part=True))
        elif isinstance(target, ast.Tuple | ast.List):
            value = given.value
            display = isinstance(value, ast.Tuple | ast.List) and not given.part
            elements = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            fits = display and len(elements) == len(target.elts)
            for place, one in enumerate(target.elts):
                if fits and not isinstance(elements[place], ast.Starred):
                    self._give(one, Given(elements[place], given.line))
                else:
                    which = None if given.part and given.place is not None else place
                    self._give(one, given._replace(part=True, place=which))
        elif isinstance(target, ast.Name):
            self.names[self.scope(target), target.id].append(given)
        elif isinstance(target, ast.Attribute):
            kind = self.kind(target)
            if name_of(target.value) == "self" and kind is not None:
                self.own[kind, target.attr].append(given)
                self.kept[target.attr].append(given)
            else:
                self.keys[target.attr].append(given)
        elif isinstance(target, ast.Subscript):
            if isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str):
                self.keys[target.slice.value].append(given)
            elif isinstance(target.value, ast.Name):
                home = self.scope(target)
                self.names[home, target.value.id].append(given._replace(part=True))


def _counted(target: ast.expr, source: ast.expr) -> tuple[ast.expr, ast.expr]:
    """Return what goes through what, without the count of ``for i, batch in enumerate(loader)``."""
    pair = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    counts = isinstance(source, ast.Call) and name_of(source.func) == "enumerate"
    if counts and source.args and len(pair) == 2:  # type: ignore[attr-defined]
        return pair[1], source.args[0]  # type: ignore[attr-defined]
    return target, source


def settled(found: Sequence[Given]) -> Sequence[Given]:
    """Return what was given, without the defaults where something else was given."""
    return [one for one in found if not one.default] or found


def name_of(node: ast.AST | None) -> str:
    """Return a name, or the last part of a dotted one; "" of anything else."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def program_of(file: str) -> Program | None:
    """Return a file of source that can be had by its name, parsed; None if it cannot be read."""
    lines = linecache.getlines(file)
    return _parsed(file, "".join(lines)) if lines else None


@functools.lru_cache(maxsize=16)
def _parsed(file: str, text: str) -> Program | None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return Program(file, tree) if sum(1 for _ in ast.walk(tree)) <= MOST_NODES else None
