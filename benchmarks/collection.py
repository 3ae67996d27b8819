"""The collection of programs the doctor is tried on: what each says is wrong with it, and where."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from collapse_doctor.cases import CASES

__all__ = ["PROGRAMS", "Program", "collect", "read"]

PROGRAMS = Path(__file__).parent / "programs"

HEALTHY = "healthy"
GRADUAL = "gradual"
"""Instead of a step: the fault has no first occurrence, it sets in by and by."""
KINDS = ("fault", "shows", "meets")
MARK = re.compile(rf"#\s*({'|'.join(KINDS)})(\s*[,#]\s*({'|'.join(KINDS)}))*\s*$")
CODE = re.compile(r"CD\d{3}")


@dataclass(frozen=True)
class Program:
    """One program: what must be found, from which step on, and on which lines.

    ``expected`` are the codes that must all be found, the cause first; it is empty for a program
    without fault. ``first`` is the step of the fault's first occurrence, None if it sets in by and
    by. ``faults``, ``shows`` and ``meets`` are the line numbers of the marked statements: what to
    change; where that first shows when the program runs, if what to change is a setting or lies
    in the data; where the operands meet. ``case`` is the name of the case that it is, if it is one,
    sick or ``cured``.
    """

    path: Path
    folder: str
    title: str
    expected: tuple[str, ...] = ()
    first: int | None = 0
    faults: frozenset[int] = frozenset()
    shows: frozenset[int] = frozenset()
    meets: frozenset[int] = frozenset()
    case: str = ""
    cured: bool = False

    @property
    def name(self) -> str:
        """The folder and the file, without its ending."""
        return f"{self.folder}/{self.path.stem}"

    @property
    def cause(self) -> str | None:
        """The code that must come first, None if the program is healthy."""
        return self.expected[0] if self.expected else None


def collect(root: Path = PROGRAMS, pattern: str = "*") -> list[Program]:
    """Return the programs below ``root`` whose names match, in the order of their names.

    The cases that come with the doctor belong to its own collection, each sick and cured.
    """
    found = {
        path.relative_to(root).with_suffix("").as_posix(): path for path in root.rglob("*/*.py")
    }
    programs = [read(found[name], root) for name in sorted(found) if fnmatch(name, pattern)]
    if root != PROGRAMS:
        return programs
    return [each for each in _cases() if fnmatch(each.name, pattern)] + programs


def _cases() -> Iterator[Program]:
    for case in CASES:
        text = case.path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        marks = {kind: _statements(tree, _marked(text, kind)) for kind in KINDS}
        yield Program(
            case.path,
            f"cases/{case.family}",
            case.title,
            case.alarms,
            case.first,
            marks["fault"] | _statements(tree, set(case.faults)),
            marks["shows"],
            marks["meets"],
            case.name,
        )
        yield Program(case.path, f"cured/{case.family}", case.title, case=case.name, cured=True)


def read(path: Path, root: Path) -> Program:
    """Read a program's header and marks.

    Raises
    ------
    ValueError
        If the header does not say what is expected, or not in a way that is understood.
    """
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = (ast.get_docstring(tree) or "").splitlines()
    header = dict(_entries(lines[1:], path))
    expected = _expected(header.get("expect", ""), path)
    marks = {kind: _statements(tree, _marked(text, kind)) for kind in KINDS}
    if not expected and any(marks.values()):
        raise ValueError(f"{path}: expected no marks in a healthy program")
    return Program(
        path=path,
        folder=path.parent.relative_to(root).as_posix(),
        title=lines[0],
        expected=expected,
        first=None if header.get("first") == GRADUAL else int(header.get("first", "0")),
        faults=marks["fault"],
        shows=marks["shows"],
        meets=marks["meets"],
    )


def _entries(lines: list[str], path: Path) -> Iterator[tuple[str, str]]:
    """Yield what the header says, ``name: value``; other lines are prose."""
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name in ("expect", "first"):
            yield name, value.strip()
        elif re.match(r"\s*\w+:", line):
            raise ValueError(f"{path}: expected 'expect' or 'first' in the header, got {line!r}")


def _expected(value: str, path: Path) -> tuple[str, ...]:
    codes = tuple(part.strip() for part in value.split(","))
    if codes == (HEALTHY,):
        return ()
    if not all(CODE.fullmatch(code) for code in codes):
        raise ValueError(f"{path}: expected codes or {HEALTHY!r} after 'expect:', got {value!r}")
    return codes


def _marked(text: str, kind: str) -> set[int]:
    """Return the lines with a comment that marks them."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]
        for token in tokens
        if token.type == tokenize.COMMENT and MARK.search(token.string) and kind in token.string
    }


def _statements(tree: ast.Module, marked: set[int]) -> frozenset[int]:
    """Return all lines of the statements on marked lines; a compound one has its own line only.

    Where a statement goes over several lines, the interpreter may name any of them.
    """
    lines = set(marked)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            own = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            if not marked.isdisjoint(own):
                lines.update(own)
    return frozenset(lines)
