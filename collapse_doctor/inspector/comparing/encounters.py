"""A comparison that was recognised in what is written by hand, and what of it is no mistake."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from collapse_doctor.inspector.byhand.terms import Kind, Weighing
from collapse_doctor.inspector.byhand.texts import are_meant_to_be_one
from collapse_doctor.inspector.comparing.provenance import Known
from collapse_doctor.inspector.comparing.relations import Related
from collapse_doctor.inspector.source.callsite import Still
from collapse_doctor.recording.observations import Comparison

__all__ = ["Company", "Encounter", "Place"]

WITHIN_ROUNDING = 8
"""Rounding units within which multiples count as equal values: that a row meets a multiple of
itself is a length in a product, and a pull towards a length in a distance."""

COPYING = frozenset({"clone", "__deepcopy__", "numpy"})
"""What lays equal values elsewhere: nobody does it to hold a batch against itself."""
DOUBLING = frozenset({"expand", "expand_as", "repeat", "repeat_interleave", "tile", "stack", "cat"})
PARTING = frozenset({"unbind", "chunk", "split", "select", "__getitem__", "narrow"})
"""What makes two of one thing, and what takes them apart again: as views of one sample are."""

Place = tuple[tuple[int, int], ...]
"""Where a call is made: the instructions of the functions that were running."""


@dataclass
class Company:
    """Where two things met in the present step, and where aliases were seen at any time."""

    others: set[Place] = field(default_factory=set)
    sites: set[tuple[str, int, str]] = field(default_factory=set)

    def begin(self) -> None:
        """Begin a step; what was noted of the last one may still be asked for."""
        self.others = set()


@dataclass(frozen=True, eq=False)
class Encounter:
    """Two operands of which row i met row i, by several operations.

    ``rows`` are copies of some paired rows, and, where rows were chosen, their numbers on the
    right and perhaps on the left, where there are ``heights`` of them. ``in_memory`` is how the
    operands are one thing, ``others`` the places where two things met in this step. ``is_direct``
    is false within an installed library.
    """

    kind: Kind
    function: str
    frame: Still
    is_direct: bool
    known: tuple[Known | None, Known | None]
    heights: tuple[int, int]
    names: tuple[str, str]
    in_memory: Related | None
    rows: list[Tensor]
    place: Place
    others: set[Place]
    company: Company
    levels: int
    weighing: Weighing | None = None

    def settle(self, rows: list[Tensor]) -> tuple[bool, Related | None]:
        """Tell whether the rows that were chosen exist, and how both sides are one in memory.

        Parameters
        ----------
        rows
            The copies, now that they are here. If row i was not held against row i, the same
            memory says nothing.
        """
        if len(rows) == 2:
            return True, self.in_memory
        if self.weighing is not None:
            return self.weighing.holds(rows[2]), self.in_memory
        columns, *places = (numbers.tolist() for numbers in rows[2:])
        left, right = self.heights
        step = -(-left // len(columns))
        ones = places[0] if places else [*range(0, left, step)]
        within = all(0 <= place < right for place in columns)
        exist = within and all(0 <= place < left for place in ones)
        return exist, self.in_memory if left == right and ones == columns else None

    @property
    def must_recur(self) -> bool:
        """Whether one sighting is none: a memory of past batches holds but this one at first."""
        return self.kind == "joined" or self.weighing is not None

    def admits(self, related: Related) -> bool:
        """Tell whether a relation of the two is more than what was meant."""
        if related.kind == "stale":
            return True
        if self.weighing is not None and not self._is_weighed(related, self.weighing):
            return False
        if not self.is_direct and not related.by_value:
            return False  # a library knows what it does with one thing
        if related.kind == "same-object" and self.place in self.others:
            return False  # a loop over all pairs meets the diagonal, too
        if related.kind == "scalar-multiple" and not self._is_rounded(related):
            return False
        return not self._is_meant(related)

    def _is_weighed(self, related: Related, weighing: Weighing) -> bool:
        """Tell whether weights hold one thing against itself by mistake.

        Each kind of a batch may be drawn together, each row being of its own kind; and a table of
        a batch with itself may be held to another such table.
        """
        if related.kind == "equal":
            return self._is_copied or self._is_doubled
        if related.kind == "shared-storage" and self._is_doubled:
            return True
        return not weighing.is_spread and related.kind != "scalar-multiple"

    @property
    def _is_copied(self) -> bool:
        """Whether one side was copied on purpose, or made in a forward pass of its own."""
        one, other = self.known
        if one is None or other is None:
            return False
        apart = {*one.origin.path} ^ {*other.origin.path}
        return one.run is not other.run or not COPYING.isdisjoint(apart)

    @property
    def _is_doubled(self) -> bool:
        """Whether both are parts of what one thing was repeated in: they stand for two views."""
        return all(known is not None and _was_doubled(known) for known in self.known)

    def _is_meant(self, related: Related) -> bool:
        if related.by_value and not all(self.names):
            return False
        by_root = self.kind == "soft"
        if related.kind == "detached" and not by_root:
            return False
        return are_meant_to_be_one(self.frame, *self.names, by_root=by_root, levels=self.levels)

    def _is_rounded(self, related: Related) -> bool:
        if related.difference is None or self.kind == "soft":
            return False
        eps = max(torch.finfo(rows.dtype).eps for rows in self.rows[:2])
        return related.difference <= WITHIN_ROUNDING * eps

    def keeps(self, comparison: Comparison) -> bool:
        """Tell whether a comparison is worth recording.

        Products and differences are all over a network. Where no alias was ever seen they tell
        something only of watched embeddings.
        """
        site = (comparison.site.file, comparison.site.line, comparison.function)
        if comparison.relations:
            self.company.sites.add(site)
        known = [one is not None for one in self.known]
        telling = all(known) or (self.kind == "difference" and any(known))
        telling = telling or comparison.past is not None
        return bool(comparison.relations) or telling or site in self.company.sites


def _was_doubled(known: Known) -> bool:
    """Tell whether something was first repeated, and then taken apart."""
    path = known.origin.path
    doubled = next((place for place, how in enumerate(path) if how in DOUBLING), None)
    return doubled is not None and not PARTING.isdisjoint(path[doubled + 1 :])
