"""What was put into a buffer and lost before anybody had read it, as the buffer was filled again.

``targets = [teacher(view) for view in views]``, where the teacher puts its output into one buffer:
each target is the last. The same line filled the same memory twice within a step, and nobody read
what was there first; then somebody reads it by what he was given for the first. Where that is an
object of its own, such as a view, reading it proves that. Where one object was given out each time,
it was taken for two things if it is used under two names, or anew in each round of a loop.

A filling that was tried again, a buffer that is read in turn, slots of a ring, and the input of a
graph that is filled once a step are none: nothing of what was there before is asked for afterwards.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.comparing.names import MOST_LEVELS, is_direct
from collapse_doctor.inspector.comparing.relations import same_elements
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.comparing.vocabulary import COMPARATORS
from collapse_doctor.inspector.memory.again import Again
from collapse_doctor.inspector.memory.fills import (
    FILLING,
    Fill,
    Memory,
    escapes,
    filled,
    reads,
    tensors_among,
)
from collapse_doctor.inspector.memory.overwriting import Overwriting
from collapse_doctor.inspector.memory.writes import WRITERS, span
from collapse_doctor.inspector.source.callsite import (
    Still,
    call_at,
    site_of,
    still,
    user_frame,
)
from collapse_doctor.inspector.source.rebound import operand_text

__all__ = ["Lost"]

MOST_MEMORIES = 64
MOST_COUNTED = 4096
MOST_VIEWS = 8
Seen = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any], None]

CALM = 3
"""Steps after which a line that fills memory twice, and loses nothing by it, is let alone."""


class Lost:
    """Follows buffers through a step: who filled them, who read them, and what came of it.

    It is told of every call while it ``is_armed``, and else of those that fill something only. A
    line that fills each memory but once in a step does not arm it in later steps. ``has_missed``
    is set by who could not tell of a call: whatever lay in a buffer may have been read by then.
    """

    wants: frozenset[Callable[..., Any]] = FILLING

    def __init__(self) -> None:
        self.is_armed = False
        self.has_missed = False
        self._others: list[Seen] = []
        self._memories: dict[int, Memory] = {}
        self._counts: dict[tuple[tuple[object, int], int], int] = {}
        self._single: set[tuple[object, int]] = set()
        self._calm: dict[tuple[object, int], int] = {}
        self._losing: set[tuple[object, int]] = set()
        self._stale: Trail[Overwriting] = Trail()
        self._again: Trail[Again] = Trail()
        self._parents: Trail[weakref.ref[Tensor]] = Trail()

    def end_step(self) -> None:
        """Forget it all: what is filled again in the next step is meant."""
        wild = {place for (place, _), count in self._counts.items() if count > 1}
        self._single |= {place for place, _ in self._counts}
        self._single -= wild  # it may have begun after a while
        for place in wild:
            self._calm[place] = 0 if place in self._losing else self._calm.get(place, 0) + 1
        self._losing.clear()
        self.is_armed = self.has_missed = False
        self._others.clear()
        self._counts.clear()
        self._memories.clear()
        self._stale, self._again, self._parents = Trail(), Trail(), Trail()

    def listen(self, other: Seen) -> None:
        """Be armed until the end of the step, and tell somebody else of all calls, too."""
        self.is_armed = True
        if other not in self._others:
            self._others.append(other)

    def called(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of whatever function."""
        if self.has_missed:
            self.has_missed = False
            self._memories.clear()
        for other in self._others:
            other(func, args, kwargs, result)
        fills = func in FILLING or "out" in kwargs
        if self.is_armed:
            self._touched(func, args, kwargs, result)
        if fills:
            self._filled(func, args, kwargs)

    def of(self, tensor: Tensor | None) -> Overwriting | None:
        """Return what was written over a tensor, or over what it was made of, before it was read.

        Parameters
        ----------
        tensor
            An operand of a comparison, if it still exists.
        """
        if tensor is None or not self.is_armed:
            return None
        again = self._again.of(tensor)
        if again is not None and again.is_two:
            return again.written
        return self._stale.of(tensor)

    def compared(self, tensor: Tensor, frame: Still, text: str) -> None:
        """Take note that a tensor is compared, and how it is written there."""
        again = self._again.of(tensor) if self.is_armed else None
        if again is not None:
            again.used(frame, text)

    def _filled(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        target = filled(func, args, kwargs)
        frame = user_frame() if target is not None else None
        if target is None or frame is None:
            return
        if len(self._counts) >= MOST_COUNTED:
            return
        place = (frame.f_code, frame.f_lasti)
        begin, end = span(target)
        self._counts[place, begin] = self._counts.get((place, begin), 0) + 1
        if place in self._single or self._calm.get(place, 0) >= CALM:
            return
        self.is_armed = True
        memory = self._memory_of(target)
        if memory is None:
            return
        whole = args[0] if func in FILLING else target
        fill = Fill(begin, end, place, weakref.ref(whole))
        before = memory.take(fill)
        self._renew(whole)
        if before is not None:
            self._losing.add(place)
            name = getattr(func, "__name__", "out=")
            self._lost(before, Overwriting(site_of(frame), name), whole)
        for holder in self._way_to(whole):
            fill.hold(holder)

    def _memory_of(self, target: Tensor) -> Memory | None:
        """Return what is known of a memory that is filled, from now on if nothing was."""
        address = target.untyped_storage().data_ptr()
        memory = self._memories.get(address)
        if memory is None or memory.is_gone:
            if len(self._memories) >= MOST_MEMORIES:
                return None
            memory = self._memories[address] = Memory(target)
        return memory

    def _lost(self, before: Fill, written: Overwriting, whole: Tensor) -> None:
        """Take note of who holds what is no more.

        What was taken only to write the new by it was never meant to hold the old.
        """
        if before.target() is whole:
            self._again.put(whole, Again(written))
        means = set(map(id, self._way_to(whole)))
        for reference in before.holders.values():
            holder = reference()
            if holder is not None and id(holder) not in means:
                self._stale.put(holder, written)

    def _renew(self, whole: Tensor) -> None:
        """Take note that a tensor was given something new: what it was before is over."""
        again = self._again.of(whole)
        if again is not None:
            again.is_over = True
            self._again.drop(whole)
        for holder in self._way_to(whole):
            self._stale.drop(holder)

    def _way_to(self, tensor: Tensor) -> list[Tensor]:
        """Return a tensor, and what it is a view of, one after the other."""
        found = [tensor]
        while len(found) < MOST_VIEWS:
            above = self._parents.of(found[-1])
            here = above() if above is not None else None
            if here is None:
                break
            found.append(here)
        return found

    def _touched(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of what a call has read, and what it has made of it."""
        given = reads(func, args, result)
        if given is None:
            return
        others = [value for name, value in kwargs.items() if name != "out"]
        written: Overwriting | None = None
        for tensor in tensors_among((*given, *others)):
            memory = self._around(tensor)
            if memory is None:
                written = written or self._stale.of(tensor)
            elif escapes(func):
                self._memories.pop(memory.begin, None)
            elif not self._is_aliased(func, tensor, result, memory):
                memory.read(*span(tensor))
                written = written or self._stale.of(tensor) or self._used(func, args, tensor)
        if written is not None:
            for tensor in tensors_among(result if isinstance(result, list | tuple) else (result,)):
                if tensor.dim() and tensor.is_floating_point():
                    self._stale.put(tensor, written)

    def _around(self, tensor: Tensor) -> Memory | None:
        address = tensor.data_ptr()
        for memory in self._memories.values():
            if memory.begin <= address < memory.end:
                return None if memory.is_gone else memory
        return None

    def _is_aliased(self, func: Any, tensor: Tensor, result: Any, memory: Memory) -> bool:
        """Tell whether a call has made nothing but views, which hold what is there now."""
        made = list(tensors_among(result if isinstance(result, list | tuple) else (result,)))
        inside = all(memory.begin <= view.data_ptr() < memory.end for view in made)
        if func in WRITERS or not made or not inside:
            return False
        stale, again = self._stale.of(tensor), self._again.of(tensor)
        for view in made:
            if view is tensor:
                continue
            self._parents.put(view, weakref.ref(tensor))
            if stale is not None:
                self._stale.put(view, stale)
                continue
            memory.held(view)
            if again is not None and same_elements(view, tensor):
                self._again.put(view, again)
        return True

    def _used(self, func: Any, args: tuple[Any, ...], tensor: Tensor) -> Overwriting | None:
        """Take note of the use of an object that was given out several times."""
        again = self._again.of(tensor)
        if again is None:
            return None
        lists = (arg for arg in args if isinstance(arg, list | tuple))
        if any(sum(one is tensor for one in arg) > 1 for arg in lists):
            again.is_two = True
        comparator = COMPARATORS.get(func)
        if not again.is_two and (comparator is None or not comparator.paired):
            frame = user_frame()
            place = next((i for i, arg in enumerate(args) if arg is tensor), len(args))
            if frame is not None and is_direct(frame):
                text = operand_text(call_at(frame), place, len(args))
                again.used(still(frame, MOST_LEVELS), text or "")
        return again.written if again.is_two else None
