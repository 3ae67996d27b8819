"""Operands that no longer hold what was computed: their memory was written after they were made.

Whoever keeps an output, or a detached alias of it, means its value. A later forward pass into the
same buffer, or an in-place operation through another name, replaces it without a word. What an
output's own holder does to it (normalising it in place, masking it) is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import Tensor

from collapse_doctor.inspector.comparing.names import birth_of, line_at
from collapse_doctor.inspector.comparing.provenance import (
    COPYING,
    CUTTING,
    SCALING,
    Known,
    Provenance,
)
from collapse_doctor.inspector.comparing.relations import Related
from collapse_doctor.inspector.memory.captured import Captured, Spoilt, spoilt_line
from collapse_doctor.inspector.memory.elements import changed_under_other_name
from collapse_doctor.inspector.memory.lending import is_lent
from collapse_doctor.inspector.memory.unnoticed import changed_through_alias, is_cut, is_even
from collapse_doctor.inspector.memory.writes import WRITERS, Write, replaces, span, target_of
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.source.apart import is_thought_apart
from collapse_doctor.inspector.source.buffers import changed_by_other_name, given_out_line
from collapse_doctor.inspector.source.callsite import Still, scope_of, site_of, user_frame
from collapse_doctor.inspector.source.lastnames import is_result_of
from collapse_doctor.inspector.source.refills import refill_line
from collapse_doctor.recording.observations import CallSite

__all__ = ["PASS", "Held", "Overwriting", "filled_at", "holds", "note_write"]

PASS = "forward pass"
"""What is said to have written where a later pass of the model did."""

_SPOILING = frozenset(
    {"add_", "sub_", "relu_", "relu", "leaky_relu_", "leaky_relu", "elu_", "elu", "silu", "selu_"}
    | {"tanh_", "sigmoid_", "exp_", "neg_", "copy_", "__setitem__"}
)
"""In-place operations after which a value kept under another name is no longer that value. Scaling
is not among them: normalising in place leaves the directions, and is often meant for both."""


class Overwriting(NamedTuple):
    """The line after which an operand no longer was what it had been, and what ran there."""

    site: CallSite | None
    operation: str


class Held(NamedTuple):
    """One operand's memory: who it is, what is known of this very object, and what was written.

    ``viewed`` orders, among the writes, the moment a view of unknown memory was taken; else 0.
    ``spoilt`` tells what overwrote an inner layer's output that a hook has kept, ``changed`` what
    was written into it, or into what it was made of, through a detached alias.
    """

    name: str
    identity: int
    known: Known | None
    own: bool
    cut: bool
    span: tuple[int, int]
    writes: list[Write]
    viewed: int = 0
    spoilt: Spoilt | None = None
    changed: Write | None = None


def note_write(
    provenance: Provenance,
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    captured: Captured | None = None,
) -> None:
    """Remember an in-place operation that has just run, if it touches what is known."""
    operation = WRITERS[func]
    target = target_of(operation, args, kwargs)
    if target is None or not is_plain(target) or not target.numel():
        return
    others = args[2:3] if operation == "__setitem__" else args[1:2]
    other = next(iter(others), kwargs.get("other", kwargs.get("value")))
    before = provenance.of(target)
    source = provenance.of(other) if isinstance(other, Tensor) and is_plain(other) else None
    given = captured is not None and operation in _SPOILING and captured.is_given(target)
    frame = user_frame() if before is not None or source is not None or given else None
    if frame is None:
        return
    if given and captured is not None:
        captured.written(target, operation, site_of(frame))
    if before is None and source is None:
        return
    if before is None and source is not None:
        provenance.stores.written(target, source.origin.step, site_of(frame))
    begin, end = span(target)
    write = Write(
        operation,
        site_of(frame),
        provenance.writes.now(),
        id(target),
        begin,
        end,
        whole=replaces(operation, args),
        number=not isinstance(other, Tensor),
        before=before,
        source=source,
        lent=before is not None and is_lent(frame, target),
        cut=before is not None and is_cut(before),
        even=is_even(operation, target, other),
    )
    provenance.writes.note(target, write)


def holds(
    provenance: Provenance,
    tensor: Tensor,
    known: Known | None,
    name: str,
    captured: Captured | None = None,
) -> Held:
    """Return what an operand holds at the moment of the comparison."""
    writes = provenance.writes.into(tensor)
    own = provenance.knows(tensor)
    cut, viewed = not tensor.requires_grad, provenance.viewed(tensor)
    spoilt = captured.of(tensor) if captured is not None else None
    changed = changed_through_alias(provenance, tensor, known) if known is not None else None
    return Held(name, id(tensor), known, own, cut, span(tensor), writes, viewed, spoilt, changed)


def find_overwriting(
    left: Held,
    right: Held,
    related: Related | None,
    frame: Still | None,
    *,
    by_direction: bool = False,
) -> Overwriting | None:
    """Return what was written over one of two operands after it was made, or None.

    Parameters
    ----------
    left, right
        The operands as they were when they met.
    related
        How their values, or their memory, are related.
    frame
        Where they met, to read there whether one name was given to both; None for a comparison of
        all rows with all, where identity is meant.
    by_direction
        Whether lengths do not count in the comparison.
    """
    seen = _of_both(left, right, related, frame)
    return seen or _unnoticed(left, right, by_direction=by_direction)


def _of_both(
    left: Held, right: Held, related: Related | None, frame: Still | None
) -> Overwriting | None:
    """Look for a write that shows in what the two operands are to each other, or in the source."""
    if left.identity == right.identity:
        seen = _refilled(left, right, frame) if frame is not None else None
        return seen or _refilled_unseen(left, right, frame)
    if left.span == right.span:
        seen = _by_later_pass(left, right) or _kept_and_changed(left, right)
        return seen or _refilled_unseen(left, right, frame)
    if frame is None:
        return None
    for held in (left, right):
        line = spoilt_line(held.spoilt, frame, held.name) if held.spoilt is not None else None
        if held.spoilt is not None and line is not None:
            return Overwriting(line, held.spoilt.operation)
    other = _changed_by_other_name(left, frame) or _changed_by_other_name(right, frame)
    if other is not None:
        return other
    found = _swapped(left, right, related) or _blanked(left, right) or _spoilt(left, right)
    found = found or _refilled_view(left, right, related) or _changed_when_lent(left, right, frame)
    return found or _gathered(left, frame) or _gathered(right, frame)


def _refilled(left: Held, right: Held, frame: Still) -> Overwriting | None:
    """Look for one buffer under two names: filled by one pass, kept, and filled by the next."""
    known = left.known
    if known is None or not left.name or not right.name or left.name == right.name:
        return None
    read = birth_of(frame, left.name, right.name, "same-object")
    in_a_loop = read is not None and read.file == frame.f_code.co_filename
    in_a_loop = in_a_loop and read is not None and read.line > frame.f_lineno
    if read is not None and not in_a_loop:
        return None
    fills = [w for w in left.writes if w.whole and w.source is not None]
    passes = {(w.source.origin.step, w.source.origin.forward) for w in fills if w.source}
    recent = [one for one in passes if one[0] == known.origin.step]
    if len(recent) > 1 or (in_a_loop and len(passes) > 1):
        return Overwriting(fills[-1].site, fills[-1].operation)
    before = known.rewrote
    if before is not None and (in_a_loop or before.step == known.origin.step):
        return Overwriting(filled_at(known), PASS)
    return None


def filled_at(known: Known) -> CallSite | None:
    """Return the line that put an output where another one lay: in the model, or the pass."""
    code = known.run.code if known.run is not None else None
    return (given_out_line(code) if code is not None else None) or known.made


def _by_later_pass(left: Held, right: Held) -> Overwriting | None:
    """Look for two objects over one memory that were made of two passes: the later wrote it."""
    one, other = left.known, right.known
    if one is None or other is None or not (left.own and right.own):
        return None
    passes = [(known.origin.step, known.origin.forward) for known in (one, other)]
    if passes[0] == passes[1] or one.origin.model != other.origin.model:
        return None
    later = one if passes[0] > passes[1] else other
    fills = [w for w in left.writes if w.whole and w.source is not None]
    fill = next((w for w in fills if w.source and w.source.origin.forward == max(passes)[1]), None)
    if fill is not None:
        return Overwriting(fill.site, fill.operation)
    return Overwriting(filled_at(later), PASS) if later.rewrote is not None else None


def _refilled_unseen(left: Held, right: Held, frame: Still | None) -> Overwriting | None:
    """Look in the source for a write into the array that both are tensors over."""
    scope = scope_of(frame) if frame is not None and left.name and right.name else None
    if frame is None or scope is None:
        return None
    line = refill_line(scope, left.name, right.name, frame.f_lineno)
    return Overwriting(line_at(frame, line), "__setitem__") if line is not None else None


def _kept_and_changed(left: Held, right: Held) -> Overwriting | None:
    """Look for a detached alias of the other operand, which was changed in place after that."""
    if left.known is None or right.known is None or not (left.own and right.own):
        return None
    made = max(left.known.serial, right.known.serial)
    for kept in (right, left):
        if not kept.cut or kept.known is None or CUTTING.isdisjoint(kept.known.origin.path):
            continue
        for write in reversed(kept.writes):
            if write.serial > made and write.target != kept.identity:
                return Overwriting(write.site, write.operation)
    return None


def _swapped(left: Held, right: Held, related: Related | None) -> Overwriting | None:
    """Look for values of one output that were written over another: they are equal since."""
    if related is None or related.kind not in ("equal", "detached"):
        return None
    for target, source in ((left, right), (right, left)):
        for write in reversed(target.writes):
            if write.whole and _is_output(write.before) and _is_of(write.source, source.known):
                apart = not _is_of(write.source, write.before)
                return Overwriting(write.site, write.operation) if apart else None
    return None


def _is_output(known: Known | None) -> bool:
    """Tell whether what was written over was an output itself, and no store for copies of them."""
    return known is not None and COPYING.isdisjoint(known.origin.path)


def _is_of(one: Known | None, other: Known | None) -> bool:
    if one is None or other is None:
        return False
    places = [
        (k.origin.model, k.origin.layer, k.origin.step, k.origin.forward) for k in (one, other)
    ]
    return places[0] == places[1]


def _blanked(left: Held, right: Held) -> Overwriting | None:
    """Look for an output that was filled with one number, with nothing put there since."""
    for held in (left, right):
        last = held.writes[-1] if held.writes else None
        if last is None or not (last.whole and last.number and last.operation != "copy_"):
            continue
        if held.known is not None and _is_output(last.before) and last.serial > held.known.serial:
            return Overwriting(last.site, last.operation)
    return None


def _spoilt(left: Held, right: Held) -> Overwriting | None:
    """Look for a detached alias whose original was changed in place after it was kept."""
    for kept in (left, right):
        known = kept.known
        if known is None or not kept.own or not kept.cut or not _ends_cut(known):
            continue
        for write in reversed(kept.writes):
            changed = write.operation in _SPOILING and write.serial > known.serial
            if changed and write.target != kept.identity and _is_output(write.before):
                return Overwriting(write.site, write.operation)
    return None


def _refilled_view(left: Held, right: Held, related: Related | None) -> Overwriting | None:
    """Look for a view of a store that was taken before the other operand was written there."""
    if related is None or related.kind not in ("equal", "detached"):
        return None
    for view, other in ((left, right), (right, left)):
        for write in reversed(view.writes):
            if 0 < view.viewed < write.serial and _is_of(write.source, other.known):
                return Overwriting(write.site, write.operation)
    return None


def _changed_when_lent(left: Held, right: Held, frame: Still) -> Overwriting | None:
    """Look for an operand that a function changed to which it had been lent before."""
    scope = scope_of(frame)
    inside = {(here.f_code.co_filename, here.f_code.co_qualname) for here in _callers(frame)}
    for held in (left, right):
        known = held.known if held.own else None
        for write in reversed(held.writes) if known is not None else ():
            mine = write.lent and write.target == held.identity
            is_given = scope is not None and is_result_of(
                scope, held.name, write.site.function, frame.f_lineno
            )
            if mine and not is_given and (write.site.file, write.site.function) not in inside:
                return Overwriting(write.site, write.operation)
    return None


def _changed_by_other_name(held: Held, frame: Still) -> Overwriting | None:
    """Look for an output that was given a second name, and then changed by the other one."""
    scope = scope_of(frame) if held.own and held.writes and held.name.isidentifier() else None
    if scope is None:
        return None
    for write in held.writes:
        mine = write.target == held.identity and write.site.file == frame.f_code.co_filename
        if not mine or write.site.function != frame.f_code.co_qualname or not write.before:
            continue
        if changed_by_other_name(scope, held.name, write.site.line, frame.f_lineno):
            return Overwriting(write.site, write.operation)
    return None


def _gathered(held: Held, frame: Still) -> Overwriting | None:
    """Look for an output that was changed by a name that was to gather several of them."""
    known = held.known
    if known is None or not held.own or not held.name:
        return None
    mine = [w for w in held.writes if w.target == held.identity and w.serial > known.serial]
    writes = [w for w in (*mine, known.rewritten) if w is not None and not w.even]
    write = changed_under_other_name(writes, held.name, frame) if writes else None
    return Overwriting(write.site, write.operation) if write is not None else None


def _unnoticed(left: Held, right: Held, *, by_direction: bool) -> Overwriting | None:
    """Look for a write through a detached alias that was taken for a copy."""
    for held in (left, right):
        write, known = held.changed, held.known
        if write is None or known is None:
            continue
        directed = by_direction or not SCALING.isdisjoint(known.origin.path)
        if not (write.even and directed) and is_thought_apart(write.site):
            return Overwriting(write.site, write.operation)
    return None


def _callers(frame: Still | None) -> Iterator[Still]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _ends_cut(known: Known) -> bool:
    return bool(known.origin.path) and known.origin.path[-1] in CUTTING
