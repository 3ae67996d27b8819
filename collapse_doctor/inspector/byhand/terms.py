"""What became of operands on the way to a comparison that is written by hand.

``a - b`` is no comparison yet, and ``(a - b).pow(2)`` does not show what it was made of. So the
results in between are remembered with what went into them: weakly, a few of them, and for as long
as they live.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from torch import Tensor, nn

from collapse_doctor.inspector.byhand.operations import ACTS
from collapse_doctor.inspector.byhand.texts import texts
from collapse_doctor.inspector.comparing.provenance import Known
from collapse_doctor.inspector.comparing.relations import Related, same_elements
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.source.callsite import Still

__all__ = ["Factor", "Fate", "Fleeting", "Kind", "Term", "Weighing", "in_memory", "may_meet"]

MOST_REMEMBERED = 256
"""Results in between that are remembered at a time; beyond it the oldest are forgotten."""
LEAST_WIDTH = 3
"""Features below which rows are not held against each other (see :func:`relate_values`)."""

WHOLE = 0.5
"""Share of a row's weights from which on the comparison is with row i, above all."""


Kind = Literal["product", "difference", "table", "joined", "soft"]
T = TypeVar("T")


class Fleeting(Trail[T]):
    """A trail that lets go of what it knows at once when a tensor dies, and of the oldest."""

    def __init__(self) -> None:
        self._objects: OrderedDict[int, tuple[weakref.ref[Tensor], T]] = OrderedDict()

    def put(self, tensor: Tensor, what: T) -> None:
        """Remember ``what`` of a tensor for as long as it lives."""
        itself = weakref.ref(self)

        def forget(reference: weakref.KeyedRef[int, Tensor]) -> None:
            trail = itself()
            if trail is not None:
                trail._forget(reference)

        self._objects[id(tensor)] = (weakref.KeyedRef(tensor, forget, id(tensor)), what)
        if len(self._objects) > MOST_REMEMBERED:
            self._objects.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._objects.clear()

    def _forget(self, reference: weakref.KeyedRef[int, Tensor]) -> None:
        found = self._objects.get(reference.key)
        if found is not None and found[0] is reference:  # the identity may be used again
            self._objects.pop(reference.key, None)


_NAMED = frozenset({"cdist", "einsum", "inner", "tensordot", "cosine_similarity"})


@dataclass(frozen=True, eq=False)
class Factor:
    """One operand as it was when it met another: its memory, and what was known of it."""

    itself: weakref.ref[Tensor]
    values: Tensor
    requires_grad: bool
    known: Known | None


@dataclass(eq=False)
class Fate:
    """Whether a result in between, in whatever form, turned out to be a comparison.

    ``is_weighed``: by weights that were given to it, as may be said again by its diagonal.
    """

    is_told: bool = False
    is_weighed: bool = False


@dataclass(eq=False)
class Weighing:
    """How weights that were given to a table are judged once they are here.

    ``is_spread`` is then true where row i has other partners beside row i.
    """

    fate: Fate
    is_spread: bool = True

    def holds(self, marks: Tensor) -> bool:
        """Tell whether row i meets row i, and nothing has told so of this table before.

        Parameters
        ----------
        marks
            Shape (rows, 3): is the place left in, is its weight the greatest, its share of all.
        """
        kept, greatest, share = marks.T
        if self.fate.is_told or self.fate.is_weighed or not bool((kept * greatest).all()):
            return False
        self.fate.is_weighed = True
        self.is_spread = bool(share.median() < WHOLE)
        return True


@dataclass(eq=False)
class Term:
    """A result in between: what it was made of, and where.

    ``is_direct`` is true where the user wrote the operation, and no library. Of a ``table`` rows of
    the one factor make the rows, rows of the other the columns. ``joined`` are the parts of a
    ``cat``; ``soft`` is a softmax of one factor, or a product of two of them, the ``parts``.
    A table that was ``turned_from`` another shares its ``fate``. ``marks`` are what masks and
    weights left of its diagonal (see :mod:`weighed`), ``is_weighed`` where weights were among them.
    """

    kind: Kind
    factors: tuple[Factor, ...]
    frame: Still
    is_direct: bool
    function: Any
    parts: tuple[Term, ...] = ()
    turned_from: Term | None = None
    marks: Tensor | None = None
    is_weighed: bool = False
    fate: Fate = field(default_factory=Fate)

    @property
    def table(self) -> str:
        """What to call a table."""
        _, name = ACTS[self.function]
        return f"{name}(a, b)" if name in _NAMED else "(a @ b.T)"

    @property
    def names(self) -> tuple[str, ...]:
        """How the operands are written."""
        if self.parts:
            return tuple(name for part in self.parts for name in part.names)
        if self.turned_from is not None:
            return self.turned_from.names[::-1]
        if not self.is_direct:  # what is written there is another call, of a library
            return "", ""
        return texts(self.frame, self.function, self.kind)


def in_memory(left: Factor, right: Factor) -> Related | None:
    """Return how two operands are one thing: the same object, or the same memory."""
    one = left.itself()
    if one is not None and one is right.itself():
        return Related("same-object", by_value=False, cosine=1.0, scale=1.0, difference=0.0)
    if not same_elements(left.values, right.values):
        return None
    cut = left.requires_grad != right.requires_grad
    kind: Literal["detached", "shared-storage"] = "detached" if cut else "shared-storage"
    return Related(kind, by_value=False, cosine=1.0, scale=1.0, difference=0.0)


def may_meet(left: Any, right: Any) -> bool:
    """Tell whether two arguments may be embeddings of which row i meets row i.

    Parameters are none: a distance to where they were is a way to hold them there.
    """
    if not isinstance(left, Tensor) or not isinstance(right, Tensor) or left.shape != right.shape:
        return False
    if not left.dim() or left.shape[-1] < LEAST_WIDTH or isinstance(left, nn.Parameter):
        return False
    if isinstance(right, nn.Parameter) or not (is_plain(left) and is_plain(right)):
        return False
    floating = left.is_floating_point() and right.is_floating_point()
    return floating and left.device == right.device
