"""The gradient that comes back to the embeddings, and where the way back was cut.

In steps that are looked at, a hook on the node of the graph that made an output counts the
backward passes that come to it. It sits on the node and not on the tensor, of which nothing is
changed or kept; it changes no gradient, and goes with the graph.
"""

from __future__ import annotations

import functools
import linecache
import math
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.compiler.compiled import is_capturing
from collapse_doctor.inspector.layers import public_name
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.inspector.source.faultlines import (
    returned_by,
    switched_off_in,
    without_gradient,
)
from collapse_doctor.inspector.wiring.opposed import Drawn, Opposed, rows_of
from collapse_doctor.inspector.wiring.sampling import some
from collapse_doctor.inspector.wiring.steep import STEEP
from collapse_doctor.recording.observations import CallSite, Comparison, Origin, Reach

__all__ = ["CUTS", "Returns"]

SAMPLED = 1024
"""Numbers of one gradient that its size is read from."""
MOST_PENDING = 64
"""Outputs that wait for the end of a step, which may never come."""
MOST_NODES = 64
"""Nodes between an output and what cuts it that are gone through."""
MOST_LISTED = 64
"""Things in a list made into one tensor among which one with a gradient is looked for."""
MOST_INSIDE = 32
"""Calls of blocks in one forward pass that are listened to: the first ones of a recurrence, whose
last is the output."""
INSIDE = 4096
"""Numbers of the gradient of one of them: many, for rows of a batch may have none."""
CALLERS = 4
"""Levels of the user's calls around a forward pass in which ``no_grad`` is looked for."""

Key = tuple[str, str, int, int]


def _cuts() -> Mapping[Callable[..., Any], str]:
    names = (
        *("detach", "detach_", "numpy", "__array__", "tolist", "item", "__float__", "__int__"),
        *("argmax", "argmin", "round", "sign", "bool", "long", "int"),
        *("gt", "ge", "lt", "le", "__gt__", "__lt__"),
    )
    found: dict[Callable[..., Any], str] = {torch.tensor: "torch.tensor"}
    found[torch.as_tensor] = "torch.as_tensor"
    found[Tensor.data.__get__] = "data"  # type: ignore[attr-defined]
    for name in names:
        for owner in (Tensor, torch):
            function = getattr(owner, name, None)
            if callable(function) and not isinstance(function, type):
                found[function] = name
    return found


CUTS = _cuts()
"""Functions whose result has no gradient, or none but zero."""


_OFTEN_HARMLESS = frozenset(
    {
        "item",
        "tolist",
        "__float__",
        "__int__",
        "sign",
        "bool",
        "gt",
        "ge",
        "lt",
        "le",
        "__gt__",
        "__lt__",
    }
)
"""Cuts that are made of healthy losses, too, to print or to mask them: others are told rather."""


APPLIED = ".apply"
"""What an ``autograd.Function`` is told by: ``Binary.apply``."""
_APPLY = getattr(vars(torch.autograd.Function).get("apply"), "__func__", _cuts).__code__


@dataclass(eq=False)
class _Output:
    """One output of one forward pass, until its step is over; ``callers`` if it has no graph.

    ``rows`` are some of the gradient that ``task``, one call of ``backward``, brought to it, where
    the model gave several such outputs.
    """

    reach: Reach
    size: Tensor | None = None
    count: int = 0
    callers: tuple[CallSite, ...] = ()
    known: Known | None = None
    rows: Tensor | None = None
    shape: tuple[int, ...] = ()
    task: int = -1

    def drawn(self) -> Iterator[Drawn]:
        """Yield what came back to it, if some of that was kept."""
        if self.known is not None and self.rows is not None:
            yield Drawn(self.reach, self.known, self.shape, self.rows, self.task)


@dataclass(eq=False)
class _Inner:
    """One call of a block, and some of the gradient that came back to it."""

    layer: str
    code: CodeType | None = None
    line: int = 0
    size: Tensor | None = None
    count: int = 0


class Returns:
    """Watches what comes back to the outputs of the models; ``reached`` are those to which it did.

    Parameters
    ----------
    provenance
        Knows which tensors are outputs, or were made of one.
    later
        Where numbers wait until they have come over from the device.
    emit
        Takes observations.
    uneven
        Models in which a gradient was seen to change by orders on its way down: filled here.
    models
        The models by name. Held weakly.
    """

    def __init__(
        self,
        provenance: Provenance,
        later: Later,
        emit: Callable[[Reach | Comparison], None],
        uneven: set[str],
        models: Mapping[str, nn.Module],
    ) -> None:
        self._provenance = provenance
        self._later = later
        self._emit = emit
        self._uneven = uneven
        self._models = {name: weakref.ref(model) for name, model in models.items()}
        self._recurrences = {name: _recurrences(model) for name, model in models.items()}
        self._opposed = Opposed(later, emit)
        self._pending: dict[Key, _Output] = {}
        self._inside: dict[tuple[str, int, int], list[_Inner]] = {}
        self._heard: Callable[..., None] = self._hear
        self._heard_inside: Callable[..., None] = self._hear_inside
        self._mark = f"collapse_doctor output {id(self)}"
        self.reached: set[str] = set()

    def start(self, guard: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        """Begin; ``guard`` wraps what is called in backward so that it cannot raise."""
        self._heard = guard(self._hear)
        self._heard_inside = guard(self._hear_inside)

    def watch(self, origin: Origin, tensor: Tensor, known: Known | None) -> None:
        """Watch what comes back to an output, of which it is known by which pass it was made."""
        key = (origin.model, origin.layer, origin.step, origin.forward)
        if len(self._pending) >= MOST_PENDING:
            self.end_step()
        node: Any = tensor.grad_fn
        graph = node is not None
        made = known.made if known is not None else None
        reach = Reach(
            origin.step, origin.forward, origin.model, origin.layer, graph=graph, made=made
        )
        self._pending[key] = _Output(reach, callers=() if graph else _callers(), known=known)
        if node is not None and not _is_compiled_autograd():
            node.register_prehook(_Hook(weakref.ref(self), key, tensor.output_nr))
            node.metadata[self._mark] = key

    def inside(self, origin: Origin, tensor: Tensor) -> None:
        """Listen to what comes back to a block of a forward pass that is under way."""
        node = tensor.grad_fn
        if node is None or not is_plain(tensor) or _is_compiled_autograd():
            return
        calls = self._inside.setdefault((origin.model, origin.step, origin.forward), [])
        if len(calls) < MOST_INSIDE and len(self._inside) <= MOST_PENDING:
            frame = user_frame()
            inner = _Inner(origin.layer)
            if frame is not None:  # the rest of the line is read if it is needed
                inner.code, inner.line = frame.f_code, frame.f_lineno
            calls.append(inner)
            node.register_prehook(
                _InnerHook(weakref.ref(self), weakref.ref(inner), tensor.output_nr)
            )

    def called(self, func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Take note of the first function that takes an output's values out of the graph."""
        first = _cut_of(args[0]) if args else None
        if first is None or (func is torch.as_tensor and first is args[0]):  # which gives it back
            return
        if not any(_may_be_cut(output, CUTS[func]) for output in self._pending.values()):
            return
        known = self._provenance.of(first)
        keys = [_key(known)] if known is not None else self._behind(first)
        cut = [self._pending[key] for key in keys if key in self._pending]
        cut = [output for output in cut if _may_be_cut(output, CUTS[func])]
        if not cut:
            return
        frame, name, back = _cutting(CUTS[func])
        for output in cut:
            site = site_of(frame) if frame is not None else None
            output.reach = msgspec.structs.replace(output.reach, cut=name, site=site, without=back)

    def _behind(self, tensor: Tensor) -> list[Key]:
        """Return the outputs that a tensor was computed from, a few operations away."""
        waiting: deque[Any] = deque([tensor.grad_fn])
        seen: dict[int, Any] = {}
        found: list[Key] = []
        while waiting and len(seen) < MOST_NODES:
            node = waiting.popleft()
            if node is None or id(node) in seen:
                continue
            seen[id(node)] = node
            key = node.metadata.get(self._mark)
            if key is not None:
                found.append(key)
            else:
                waiting.extend(below for below, _ in node.next_functions)
        return found

    def end_step(self) -> None:
        """Tell what came back to the outputs of the step that is over."""
        pending, self._pending = self._pending, {}
        self._opposed.end_step(drawn for output in pending.values() for drawn in output.drawn())
        passes, self._inside = self._inside, {}
        for output in pending.values():
            reach = output.reach
            calls = passes.pop((reach.model, reach.step, reach.forward), [])  # told with the first
            heard = [inner for inner in calls if inner.size is not None]
            taken = [output.size, *(inner.size for inner in heard)]
            sizes = [size for size in taken if size is not None]
            held = self._recurrences.get(reach.model, frozenset())
            told = functools.partial(self._tell, output, heard, _through(calls, reach.layer, held))
            self._later.put(sizes, told)

    def heard(self, key: Key, gradient: Tensor | None) -> None:
        """Take in what one backward pass brought to an output; called by its hook."""
        self._heard(key, gradient)

    def _hear(self, key: Key, gradient: Tensor | None) -> None:
        output = self._pending.get(key)
        if output is None or is_capturing():
            return
        self.reached.add(output.reach.model)
        calls = output.reach.calls + 1
        output.reach = msgspec.structs.replace(output.reach, calls=calls)
        if gradient is not None and is_plain(gradient) and gradient.numel():
            output.size = some(gradient.detach(), SAMPLED).clone()
            output.count = gradient.numel()
            if any(other[:3] == key[:3] and other != key for other in self._pending):
                output.rows, output.shape = rows_of(gradient), tuple(gradient.shape)
                output.task = torch._C._current_graph_task_id()

    def heard_inside(self, inner: _Inner, gradient: Tensor | None) -> None:
        """Take in what one backward pass brought to a block; called by its hook."""
        if gradient is not None:
            self._heard_inside(inner, gradient)

    def _hear_inside(self, inner: _Inner, gradient: Tensor) -> None:
        if not is_capturing() and is_plain(gradient) and gradient.numel():
            inner.size = some(gradient.detach(), INSIDE).clone()
            inner.count = gradient.numel()

    def _tell(
        self,
        output: _Output,
        blocks: Sequence[_Inner],
        recurrent: tuple[str, ...],
        values: list[Tensor],
    ) -> None:
        reach, sizes = output.reach, [_size(value) for value in values]
        if output.callers:
            without = without_gradient(output.callers) or self._off_inside(reach.model)
            reach = msgspec.structs.replace(reach, without=without)
        if output.size is not None:
            reach = msgspec.structs.replace(reach, gradient=sizes.pop(0))
            lengths = [_length(s, one.count) for one, s in zip(blocks, sizes, strict=True)]
            flow = [(one.layer, length) for one, length in zip(blocks, lengths, strict=True)]
            if flow:
                flow.append((reach.layer, _length(reach.gradient, output.count)))
            steep = _steepest(blocks, lengths, _length(reach.gradient, output.count))
            reach = msgspec.structs.replace(reach, flow=tuple(flow), steep=steep)
            if steep is not None:
                self._uneven.add(reach.model)
                reach = msgspec.structs.replace(reach, recurrent=recurrent)
        self._emit(reach)

    def _off_inside(self, name: str) -> CallSite | None:
        """Return the line of a model's own forward that switches gradients off, if it is one."""
        reference = self._models.get(name)
        model = reference() if reference is not None else None
        return switched_off_in(model) if model is not None else None


class _InnerHook:
    """The same for a block."""

    __slots__ = ("_home", "_inner", "_place")

    def __init__(self, home: weakref.ref[Returns], inner: weakref.ref[_Inner], place: int) -> None:
        self._home = home
        self._inner = inner
        self._place = place

    def __call__(self, gradients: tuple[Tensor | None, ...]) -> None:
        """Pass one gradient on; it returns None, which leaves it as it is."""
        if torch.compiler.is_compiling():
            return
        home, inner = self._home(), self._inner()
        if home is not None and inner is not None:  # the step may be over
            home.heard_inside(inner, gradients[self._place])


class _Hook:
    """What is called in backward. It holds names and numbers, no tensor, and nobody alive."""

    __slots__ = ("_home", "_key", "_place")

    def __init__(self, home: weakref.ref[Returns], key: Key, place: int) -> None:
        self._home = home
        self._key = key
        self._place = place

    def __call__(self, gradients: tuple[Tensor | None, ...]) -> None:
        """Pass one gradient on; it returns None, which leaves it as it is."""
        if torch.compiler.is_compiling():
            return
        home = self._home()
        if home is not None:
            home.heard(self._key, gradients[self._place])


def _size(value: Tensor) -> float:
    """Return the root mean square of some numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.sqrt(float(np.mean(np.square(value.double().numpy()))))


def _length(size: float | None, count: int) -> float | None:
    """Return how long a gradient is, of the root mean square of some of its numbers."""
    return None if size is None else size * math.sqrt(count)


def _steepest(
    blocks: Sequence[_Inner], lengths: Sequence[float | None], last: float | None
) -> CallSite | None:
    """Return the line of the block at which a gradient is lost, or has grown most."""
    known = [
        (one, length)
        for one, length in zip(blocks, lengths, strict=True)
        if length is not None and one.code is not None
    ]
    if not known or not last:
        return None
    lost = [one for one, length in known if length * STEEP < last]
    grown, most = max(known, key=lambda pair: pair[1])
    if not lost and most <= STEEP * last:
        return None
    block = lost[-1] if lost else grown
    file = block.code.co_filename if block.code is not None else ""
    return CallSite(file, block.line, source=linecache.getline(file, block.line).strip())


def _recurrences(model: nn.Module) -> frozenset[str]:
    """Return the names of the modules that are, or hold, a recurrence over time."""
    found: set[str] = set()
    for name, module in model.named_modules():
        if isinstance(module, nn.RNNBase):
            parts = public_name(name).split(".")
            found |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return frozenset(found)


def _through(calls: Sequence[_Inner], last: str, held: frozenset[str]) -> tuple[str, ...]:
    """Return what is first heard behind each recurrence: itself, or the next if none came to it.

    As where only the last state is used, which is not what is listened to.
    """
    found, passed = [], False
    for one in (*calls, _Inner(last, size=torch.empty(0))):
        passed = passed or one.layer in held
        if passed and one.size is not None:
            found.append(one.layer)
            passed = False
    return tuple(dict.fromkeys(found))


def _cut_of(given: Any) -> Tensor | None:
    """Return the tensor whose values a function of :data:`CUTS` takes out of the graph, if any.

    Of a list that is made into one tensor, as single losses are, it is the first with a gradient.
    """
    listed = isinstance(given, list | tuple)
    for one in given[:MOST_LISTED] if listed else (given,):
        inner = one[0] if listed and isinstance(one, list | tuple) and one else one
        if isinstance(inner, Tensor) and is_plain(inner) and inner.requires_grad:
            return inner
    return None


def _may_be_cut(output: _Output, cut: str) -> bool:
    """Tell whether a cut is worth telling of an output: the first that is not mostly harmless."""
    before = output.reach.cut
    if output.reach.calls:  # what comes after backward cuts nothing
        return False
    harmless = before in _OFTEN_HARMLESS or before.endswith(APPLIED)
    return not before or (harmless and cut not in _OFTEN_HARMLESS)


def _cutting(name: str) -> tuple[FrameType | None, str, CallSite | None]:
    """Return where an output's values leave the graph, by what, and what lets nothing back.

    Within the forward of an ``autograd.Function`` nothing leaves it: what comes back through it is
    for its own ``backward`` to say, so it is told as a whole, where it was applied.
    """
    frame: FrameType | None = user_frame()
    here, back = frame, None
    while here is not None:
        if here.f_code is _APPLY:
            applied = here.f_locals.get("cls")
            name = f"{getattr(applied, '__name__', 'Function')}{APPLIED}"
            back = returned_by(getattr(applied, "backward", None))
            frame = user_frame(here.f_back) if here.f_back is not None else None
        here = here.f_back
    return frame, name, back


def _callers() -> tuple[CallSite, ...]:
    """Return the lines of the user's program that are under way, innermost first."""
    found: list[CallSite] = []
    frame = user_frame()
    while frame is not None and len(found) < CALLERS:
        found.append(CallSite(frame.f_code.co_filename, frame.f_lineno))
        frame = user_frame(frame.f_back) if frame.f_back is not None else None
    return tuple(found)


def _key(known: Known) -> Key:
    origin = known.origin
    return (origin.model, origin.layer, origin.step, origin.forward)


def _is_compiled_autograd() -> bool:
    """Tell whether backward itself is compiled: a hook would become part of it."""
    compiled: Any = sys.modules.get("torch._dynamo.compiled_autograd")
    return bool(getattr(compiled, "compiled_autograd_enabled", False))
