"""Following what is computed by hand from call to call, until it turns out to be a comparison."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from collapse_doctor.inspector.byhand.terms import (
    Factor,
    Fleeting,
    Kind,
    Term,
    Weighing,
    in_memory,
)
from collapse_doctor.inspector.comparing.encounters import Company, Encounter, Place
from collapse_doctor.inspector.comparing.names import MOST_LEVELS
from collapse_doctor.inspector.comparing.provenance import Provenance
from collapse_doctor.inspector.comparing.relations import rows_of
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.source.callsite import Still, still, writer

__all__ = ["Call", "Met", "Traces"]

MOST_TOLD = 128
"""Comparisons told of one forward pass: a loop over all pairs of a batch makes thousands."""


Met = Callable[[Encounter, Factor, Factor], None]


class Call(NamedTuple):
    """One call of a function in ``ACTS``, and the tensor it gave."""

    func: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Tensor

    def given(self, position: int, *names: str) -> Any:
        """Return an argument by its position or one of its names, or None."""
        if position < len(self.args):
            return self.args[position]
        return next((self.kwargs[name] for name in names if name in self.kwargs), None)

    @property
    def first(self) -> Any:
        """The first operand."""
        return self.given(0, "input", "x", "x1", "self")

    @property
    def second(self) -> Any:
        """The second operand of an operator."""
        return self.given(1, "other", "target", "x2")


class Traces:
    """What is known of results in between, and what is done with a comparison once it is one.

    Parameters
    ----------
    moment, provenance
        Where the training is, and what is known of tensors.
    met
        Told of each comparison that was recognised, and of its operands.
    """

    def __init__(self, moment: Moment, provenance: Provenance, met: Met) -> None:
        self._moment = moment
        self._provenance = provenance
        self._met = met
        self._terms: Fleeting[Term] = Fleeting()
        self._sources: Fleeting[tuple[weakref.ref[Tensor], str]] = Fleeting()
        self._bases: Fleeting[Factor] = Fleeting()
        self._company = Company()
        self._told: Counter[tuple[int, int]] = Counter()

    def end_step(self) -> None:
        """Let go of all that was in between when the step was over."""
        self._terms.clear()
        self._sources.clear()
        self._bases.clear()
        self._company.begin()
        self._told.clear()

    def of(self, tensor: Any) -> Term | None:
        """Return the term that a tensor is, if it is one that was not told yet."""
        if not len(self._terms) or not isinstance(tensor, Tensor):
            return None
        term = self._terms.of(tensor)
        return None if term is None or term.fate.is_told else term

    def learns(self, value: Any) -> bool:
        """Tell whether an argument takes a gradient or is an output: more than a weight."""
        if not isinstance(value, Tensor) or value.numel() < 2:
            return False
        return value.requires_grad or self._provenance.of(value) is not None

    def factor(self, tensor: Tensor, rows: Tensor | None = None) -> Factor:
        """Return an operand as it is now; ``rows``: a view of what meets of it."""
        values = tensor if rows is None else rows
        known = self._provenance.of(tensor)
        return Factor(weakref.ref(tensor), values.detach(), tensor.requires_grad, known)

    def begin(self, kind: Kind, call: Call, factors: Sequence[Factor]) -> Term | None:
        """Remember what went into a result; None for what torch itself computes."""
        written = writer()
        if written is None:
            return None
        frame, is_direct = written
        term = Term(kind, tuple(factors), still(frame, MOST_LEVELS), is_direct, call.func)
        self._terms.put(call.result, term)
        return term

    def put(self, tensor: Tensor, term: Term) -> None:
        """Remember a term of a tensor: that of another, carried on."""
        self._terms.put(tensor, term)

    def made_from(self, result: Tensor, source: Tensor, how: str) -> None:
        """Remember that a tensor was turned, reshaped or scaled from another."""
        if result is source:
            return
        if how == "scale" and source.dim() == 2:
            self._bases.put(result, self.base(source))
        # What lies between is soon gone; turned twice is not turned.
        between = self._sources.of(source) if how != "turn" else None
        first, before = between if between is not None else (weakref.ref(source), how)
        if before == how or {before, how} == {"scale", "shift"}:
            self._sources.put(result, (first, how if before == how else "shift"))
        else:
            self._sources.put(result, (weakref.ref(source), how))

    def stays(self, result: Tensor, tensor: Tensor) -> None:
        """Remember that a tensor is another, laid out or stored otherwise."""
        found = self._sources.of(tensor)
        if found is not None and result is not tensor:
            self._sources.put(result, found)

    def source(self, tensor: Tensor, *hows: str) -> Tensor | None:
        """Return what a tensor was made from in one of these ways, if that still lives."""
        found = self._sources.of(tensor)
        return found[0]() if found is not None and found[1] in hows else None

    def base(self, tensor: Tensor) -> Factor:
        """Return an operand before it was scaled, also where nothing else holds that any more.

        ``20 * F.normalize(a) @ b.T``: what is scaled has no name, and is gone when it meets.
        """
        before = self._bases.of(tensor)
        return self.factor(tensor) if before is None else before

    def unshaped(self, tensor: Tensor, rows: Tensor) -> Tensor | None:
        """Return the tensor of the shape of ``rows`` that another was reshaped from."""
        source = self.source(tensor, "reshape")
        if source is None or source.shape != rows.shape or source.data_ptr() != rows.data_ptr():
            return None
        return source

    def tell(
        self,
        term: Term,
        function: str,
        *,
        dim: int = -1,
        rows: list[Tensor] | None = None,
        levels: int = MOST_LEVELS,
        weighing: Weighing | None = None,
    ) -> None:
        """Tell that a term was a comparison.

        Parameters
        ----------
        term, function, dim
            What it is, what to call it, and the dimension along which rows meet.
        rows
            The rows that met, and which those were on the right and left; else all, in order.
        levels
            How far out the same name twice is a norm, and no mistake.
        weighing
            What judges the weights that come with the rows: until then it is none, and may be told.
        """
        now = self._moment.step, self._moment.forward
        if self._told[now] >= MOST_TOLD:
            return
        self._told[now] += 1
        term.fate.is_told = weighing is None
        left, right = term.factors
        names = term.names
        if weighing is None:
            term.factors = ()  # nothing else is to be told of it: let go of its memory
        place = _place(term.frame)
        related = in_memory(left, right)
        same = related is not None and related.kind == "same-object"
        if not same:
            self._company.others.add(place)
        self._met(
            Encounter(
                kind=term.kind,
                function=function,
                frame=term.frame,
                is_direct=term.is_direct,
                known=(left.known, right.known),
                heights=(left.values.shape[0], right.values.shape[0]),
                names=(names[0], names[1]),
                in_memory=related,
                rows=rows or [rows_of(side.values, dim).clone() for side in (left, right)],
                place=place,
                others=self._company.others,
                company=self._company,
                levels=levels,
                weighing=weighing,
            ),
            left,
            right,
        )


def _place(frame: Still) -> Place:
    found: list[tuple[int, int]] = []
    here: Still | None = frame
    while here is not None:
        found.append((id(here.f_code), here.f_lasti))
        here = here.f_back
    return tuple(found)
