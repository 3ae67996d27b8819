"""An expression somewhere in the source, and the steps by which an operand is followed back to it.

A tensor that is passed on, kept in a container or returned under two names leaves no trace at run
time. So the source is read: of the functions that were running, and of those of the same file that
they called.
"""

from __future__ import annotations

import ast
import functools
from typing import NamedTuple

from collapse_doctor.inspector.source.callsite import Still, scope_of, tree_of
from collapse_doctor.inspector.source.callsite import caller_of as calling

__all__ = ["Context", "Point", "Step", "Way", "beginning", "caller_of", "parsed"]


class Context(NamedTuple):
    """A function while it runs: ``frame`` where it was seen to, ``call`` where it is only read of.

    ``side`` tells two calls that are written alike apart.
    """

    file: str
    tree: ast.Module
    scope: ast.AST
    frame: Still | None = None
    caller: Context | None = None
    call: ast.Call | None = None
    line: int = 0
    side: int = 0


class Point(NamedTuple):
    """An expression, and the line it stands at."""

    context: Context
    text: str
    line: int

    @property
    def key(self) -> tuple[object, ...]:
        """What is equal for one expression in one call of one function."""
        return id(self.context.scope), self.context.side, self.depth, self.text

    @property
    def depth(self) -> tuple[int, ...]:
        """The lines of the calls that are only read of, from the innermost outwards."""
        lines, context = [], self.context
        while context.caller is not None:
            lines.append(context.line)
            context = context.caller
        return tuple(lines)


class Step(NamedTuple):
    """One step back: by which ``line`` of which context, of what ``sort``, through what operation.

    The sorts: ``passed`` by a call that was running, ``bound`` by one that is read of, ``given``
    to a place of a container, ``put`` into one, ``chosen`` of what was put there, ``named`` by
    an assignment, ``made`` within an expression, ``kept`` on an object.
    """

    sort: str
    context: Context
    line: int
    through: str = ""


Way = tuple[Step, ...]


def beginning(frame: Still) -> Context | None:
    """Return the context of a function that was seen to run."""
    tree, scope = tree_of(frame), scope_of(frame)
    if tree is None or scope is None:
        return None
    return Context(frame.f_code.co_filename, tree, scope, frame)


def caller_of(context: Context) -> Context | None:
    """Return the context of the function that was seen to call this one, or None."""
    frame = calling(context.frame) if context.frame is not None else None
    return beginning(frame) if frame is not None else None


@functools.lru_cache(maxsize=2048)
def parsed(text: str) -> ast.expr | None:
    """Return the syntax tree of an expression, or None if it is none."""
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
