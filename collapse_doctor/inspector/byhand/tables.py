"""Tables of all pairs, ``a @ b.T``, and the row that each row is held against in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.byhand.contractions import Contraction
from collapse_doctor.inspector.byhand.terms import LEAST_WIDTH, Term
from collapse_doctor.inspector.byhand.traces import Call, Traces
from collapse_doctor.inspector.comparing.relations import MOST_ROWS
from collapse_doctor.inspector.outputs import is_plain

__all__ = ["Tables"]


class Tables:
    """Follows a table to its diagonal or to the classification that picks one column a row."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def joined(self, call: Call) -> None:
        """Remember the two parts of which a batch was joined."""
        parts = call.given(0, "tensors")
        if not isinstance(parts, list | tuple) or len(parts) != 2:
            return
        dim = call.given(1, "dim", "axis") or 0
        rows = all(isinstance(p, Tensor) and is_plain(p) and p.is_floating_point() for p in parts)
        if not rows or parts[0].shape != parts[1].shape or parts[0].dim() < 2:
            return
        apart = call.name == "stack" or dim == 0 or parts[0].dim() > 2
        if apart and parts[0].shape[-1] >= LEAST_WIDTH and any(map(self._traces.learns, parts)):
            self._traces.begin("joined", call, [self._traces.factor(part) for part in parts])

    def reshaped(self, call: Call) -> None:
        """Follow what is reshaped; pick from a table by two lists of places."""
        first = call.first
        if not isinstance(first, Tensor):
            return
        term = self._traces.of(first)
        if term is None:
            if call.result.numel() == first.numel() and first.dim() == 2:
                self._traces.made_from(call.result, first, "reshape")
        elif term.kind == "joined" and call.result.numel() == first.numel():
            self._traces.put(call.result, term)
        elif term.kind == "table":
            self._picked(call, term)

    def turned(self, call: Call) -> None:
        """Follow a matrix that is turned over; of a table, rows become columns."""
        first = call.first
        if not isinstance(first, Tensor) or first.dim() != 2 or call.result.shape != first.T.shape:
            return
        term = self._traces.of(first)
        if term is not None and term.kind == "table":
            self._traces.put(call.result, _turned(term))
        else:
            self._traces.made_from(call.result, first, "turn")

    def contracted(self, call: Call, found: Contraction) -> None:
        """Begin a table of all pairs; of a joined batch with itself tell its two parts."""
        traces = self._traces
        left = found.left
        right = traces.source(found.right, "turn") if found.turned else found.right
        if right is None or traces.source(left, "turn") is not None or not _are_rows(left, right):
            return
        left, right = self._unscaled(left), self._unscaled(right)
        joined = traces.of(left) if left is right else None
        if joined is not None and joined.kind == "joined":
            traces.tell(joined, "cat(a, b) with itself", levels=1)
        if traces.learns(left) or traces.learns(right):
            traces.begin("table", call, [traces.base(left), traces.base(right)])

    def crossed(self, call: Call) -> None:
        """Begin a table of ``cosine_similarity(a[:, None], b[None], dim=-1)``."""
        given = (call.given(0, "x1"), call.given(1, "x2"))
        if not all(map(_is_of_three, given)):
            return
        left, right = (self._traces.source(one, "reshape") for one in given)
        if left is None or right is None or not _are_rows(left, right):
            return
        heights = (left.shape[0], right.shape[0])
        if call.given(2, "dim") not in (-1, 2) or call.result.shape != heights:
            return
        if given[0].shape[1] == given[1].shape[0] == 1 and any(map(self._traces.learns, given)):
            self._traces.begin("table", call, [self._traces.factor(one) for one in (left, right)])

    def diagonal(self, call: Call) -> None:
        """Find the diagonal of a table: row i meets row i."""
        term = self._table(call.first)
        offset = call.given(1, "diagonal", "offset") or 0
        if term is not None and offset == 0 and call.first.shape[0] == call.first.shape[1]:
            self._traces.tell(term, f"{term.table}.{_word(call.name)}")

    def gathered(self, call: Call) -> None:
        """Find the column that is gathered of each row."""
        term, index = self._table(call.first), call.given(2, "index")
        if term is not None and isinstance(index, Tensor) and index.shape == (len(call.first), 1):
            self._choose(term, f"{term.table}.gather", index[:, 0])

    def classified(self, call: Call) -> None:
        """Find the column that each row is to be classified as: its positive."""
        term, target = self._table(call.first), call.second
        if term is not None and isinstance(target, Tensor) and target.shape == call.first.shape[:1]:
            self._choose(term, f"F.{call.name} of {term.table}", target)

    def _unscaled(self, rows: Tensor) -> Tensor:
        """Return the rows before a temperature: ``scale * a @ b.T`` compares ``a`` with ``b``."""
        source = self._traces.source(rows, "scale")
        return rows if source is None else source

    def _table(self, tensor: Any) -> Term | None:
        term = self._traces.of(tensor)
        if term is None or term.kind != "table" or tensor.dim() != 2:
            return None
        return term if tensor.shape == tuple(len(f.values) for f in term.factors) else None

    def _picked(self, call: Call, term: Term) -> None:
        places = call.given(1)
        if self._table(call.first) is None or not isinstance(places, tuple) or len(places) != 2:
            return
        rows, columns = places
        in_order = [*range(len(call.first))]
        if isinstance(rows, range | list) and [*rows] == [*columns] == in_order:
            self._traces.tell(term, f"{term.table}[i, i]")
        elif _are_places(rows) and _are_places(columns) and rows.shape == columns.shape:
            self._choose(term, f"{term.table}[i, j]", columns, rows)

    def _choose(
        self, term: Term, function: str, columns: Tensor, rows: Tensor | None = None
    ) -> None:
        """Tell a table of which some places were chosen; which, is known when they came over."""
        left, right = (side.values for side in term.factors)
        places = [columns] if rows is None else [columns, rows]
        devices = {side.device for side in (left, right, *places)}
        if not all(map(_are_places, places)) or len(devices) > 1 or not len(columns):
            return
        step = -(-len(columns) // MOST_ROWS)
        few = [place[::step].clone() for place in places]
        # An index that is out of bounds must not be used: there it means a row to be left out.
        near = [
            place.clamp(0, top - 1)
            for place, top in zip(few, (len(right), len(left)), strict=False)
        ]
        ones = left[::step].clone() if rows is None else left.index_select(0, near[1])
        self._traces.tell(
            term, function, rows=[ones, right.index_select(0, near[0]), *few], levels=1
        )


def _is_of_three(tensor: Any) -> bool:
    return isinstance(tensor, Tensor) and tensor.dim() == 3


def _word(name: str) -> str:
    return "diagonal" if name == "einsum" else name


def _turned(term: Term) -> Term:
    left, right = term.factors
    first = term if term.turned_from is None else term.turned_from
    return Term(
        "table",
        (right, left),
        term.frame,
        term.is_direct,
        term.function,
        turned_from=first,
        marks=term.marks,
        is_weighed=term.is_weighed,
        fate=term.fate,
    )


def _are_places(value: Any) -> bool:
    if not isinstance(value, Tensor) or not is_plain(value) or value.dim() != 1:
        return False
    return value.dtype in (torch.int64, torch.int32)


def _are_rows(left: Tensor, right: Tensor) -> bool:
    """Tell whether two matrices may be rows of embeddings, and neither the weights of a layer."""
    sides: Sequence[Tensor] = (left, right)
    if any(isinstance(side, nn.Parameter) or not is_plain(side) for side in sides):
        return False
    shapes = left.dim() == right.dim() == 2 and left.shape[1] == right.shape[1] >= LEAST_WIDTH
    floating = left.is_floating_point() and right.is_floating_point()
    return shapes and floating and left.device == right.device
