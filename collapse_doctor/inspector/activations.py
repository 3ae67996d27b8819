"""What activation functions let through: units that are at one end of their range for all inputs.

A ReLU that gives zero, and a sigmoid or tanh at one of its rails, passes on next to no gradient.
Calls are seen while the function mode is on, however they are written; reductions over the inputs
are taken at once, and read when they have come over from the device.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.layers import public_name
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import Activation, CallSite

__all__ = ["ACTIVATIONS", "ACTIVE", "Activations"]

RAIL = 1 / 400
"""Of the range: so near an end of a sigmoid or a tanh its slope is below 1 % of its greatest.

With s = 1/400 a sigmoid's slope is s (1 - s) = 0.0025, of at most 0.25; a tanh is 2 sigmoid - 1.
"""
MOST_NUMBERS = 1 << 18
"""Numbers of one call that are looked at; of more, those of evenly spread samples."""
MOST_UNITS = 1 << 14
MOST_SHARED = 1 << 14
"""Numbers of one call of which it is counted how many are at an end: the share of independent ones
is then known to 0.4 % (one standard deviation at a half); it says nothing of single units."""
FEWEST_SAMPLES = 8
"""Of memory laid out otherwise whole samples are counted, no fewer than these."""
MOST_CALLS = 64
"""Calls of one step that are looked at."""
LOOKS = 4
"""Passes whose inputs count together: a unit that is silent for one batch may answer to another."""

_Function = Callable[..., Any]

_RELU = (torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu, F.relu_)
_TANH = (torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_, F.tanh)
_SIGMOID = (torch.sigmoid, torch.sigmoid_, Tensor.sigmoid, Tensor.sigmoid_, F.sigmoid)

ACTIVATIONS: Mapping[_Function, str] = {
    **dict.fromkeys(_RELU, "relu"),
    **dict.fromkeys(_TANH, "tanh"),
    **dict.fromkeys(_SIGMOID, "sigmoid"),
}
_ENDS = {"relu": (0.0, None), "tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}

_READING: frozenset[_Function] = frozenset({F.linear, F.conv1d, F.conv2d, F.conv3d})
"""What reads an activation as a layer does; a gate is multiplied with something instead."""
_NORMS = (F.dropout, F.dropout2d, F.layer_norm, F.batch_norm, F.group_norm)
_POOLS = (F.max_pool1d, F.max_pool2d, F.avg_pool1d, F.avg_pool2d, F.adaptive_avg_pool2d)
_MEANS = (torch.mean, Tensor.mean, torch.flatten, Tensor.flatten)
_SUMS = (torch.add, Tensor.add, Tensor.__add__, Tensor.add_, Tensor.__iadd__)
_PASSING_ON: frozenset[_Function] = frozenset((*_NORMS, *_POOLS, *_MEANS, *_SUMS))
"""What stands between an activation and the layer that reads it, residual connections included."""
ACTIVE: frozenset[_Function] = frozenset(ACTIVATIONS) | _READING | _PASSING_ON

_CALL = nn.Module._wrapped_call_impl.__code__
_DEEPEST = 40

_Key = tuple[str, str, int, int, str, int]


@dataclass(eq=False)
class _Seen:
    """One call of an activation function, until the step is over."""

    key: _Key
    step: int
    forward: int
    kind: str
    rows: int
    parts: list[Tensor]  # share of numbers at an end, greatest value of each unit; least, if needed
    site: CallSite | None
    module: bool
    read: bool = False
    returned: bool = False


class _Home(NamedTuple):
    """The innermost module around a call; ``is_torch`` where its code is PyTorch's own."""

    model: str
    layer: str
    is_torch: bool


class Activations:
    """Looks at the results of activation functions inside the watched models.

    Parameters
    ----------
    models
        The models by name. Their modules are known by identity, and not kept alive.
    moment
        Where the training is.
    later
        Where numbers wait until they have come over from the device.
    emit
        Takes what was seen.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        moment: Moment,
        later: Later,
        emit: Callable[[Activation], None],
    ) -> None:
        self._names = {
            id(module): _Home(model, public_name(name), _is_torch(module))
            for model, root in models.items()
            for name, module in root.named_modules()
        }
        self._moment = moment
        self._later = later
        self._emit = emit
        self._held: Trail[_Seen] = Trail()
        self._pending: list[_Seen] = []
        self._counts: dict[tuple[Any, ...], int] = {}
        self._past: dict[_Key, deque[tuple[Tensor, Tensor, int]]] = {}

    def seen(
        self, func: _Function, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in :data:`ACTIVE`."""
        if func in ACTIVATIONS:
            if isinstance(result, Tensor) and len(self._pending) < MOST_CALLS:
                self._take(ACTIVATIONS[func], result)
            return
        if not self._pending:
            return
        given = args[:2] or (kwargs.get("input"),)
        held = (self._held.of(one) for one in given if isinstance(one, Tensor))
        known = next((one for one in held if one is not None), None)
        if known is None:
            return
        if func in _READING:
            known.read = True
        elif isinstance(result, Tensor):
            self._held.put(result, known)

    def returned(self, tensor: Tensor) -> None:
        """Take note of an output of a model."""
        known = self._held.of(tensor)
        if known is not None:
            known.returned = True

    def end_step(self) -> None:
        """Pass on what the step gave, and forget its tensors."""
        pending, self._pending = self._pending, []
        self._held = Trail()
        self._counts.clear()
        for seen in pending:
            self._later.put(seen.parts, partial(self._arrived, seen))

    def _take(self, kind: str, result: Tensor) -> None:
        if not result.requires_grad or not is_plain(result) or not result.is_floating_point():
            return
        if result.dim() < 2 or not result.numel():
            return
        home = _home(self._names)
        if home is None:
            return
        values = result.detach()
        values = values[:: -(-values.numel() // MOST_NUMBERS)]
        unit = 1 if values.dim() in (4, 5) else values.dim() - 1  # channels, or features
        units = values.shape[unit]
        if units > MOST_UNITS:
            return
        parts = [_at_an_end(_few(values), kind), _extreme(values, unit, Tensor.amax)]
        if _ENDS[kind][1] is not None:  # else none but the lower end is looked for
            parts.append(_extreme(values, unit, Tensor.amin))
        frame = user_frame()
        site = site_of(frame) if frame is not None else None
        forward = self._moment.forwards_of(home.model)
        key = self._key(home, site, forward, kind, units)
        rows = values.numel() // units
        site = None if home.is_torch else site  # the line that called a module of torch's says less
        seen = _Seen(key, self._moment.step, forward, kind, rows, parts, site, home.is_torch)
        self._held.put(result, seen)
        self._pending.append(seen)

    def _key(self, home: _Home, site: CallSite | None, forward: int, kind: str, units: int) -> _Key:
        """Return what names a call in every pass: its place, and its number there."""
        line = site.line if site is not None else 0
        place = (home.model, home.layer, line, forward)
        number = self._counts.get(place, 0)
        self._counts[place] = number + 1
        return (home.model, home.layer, line, number, kind, units)

    def _arrived(self, seen: _Seen, parts: list[Tensor]) -> None:
        """Tell of a call whose numbers have come over, together with the passes before it."""
        past = self._past.setdefault(seen.key, deque(maxlen=LOOKS))
        # Of a ReLU the greatest values stand for both: its upper end is none.
        past.append((parts[-1].float(), parts[1].float(), seen.rows))
        low = torch.stack([least for least, _, _ in past]).amin(0)
        high = torch.stack([most for _, most, _ in past]).amax(0)
        model, layer, _, number, kind, units = seen.key
        self._emit(
            Activation(
                step=seen.step,
                forward=seen.forward,
                model=model,
                layer=layer,
                number=number,
                kind=kind,
                units=units,
                rows=sum(rows for _, _, rows in past),
                stuck=_stuck(low, high, kind),
                ends=float(parts[0]),
                read=seen.read,
                returned=seen.returned,
                module=seen.module,
                site=seen.site,
            )
        )


def _home(names: Mapping[int, _Home]) -> _Home | None:
    """Return the innermost watched module that is being called.

    Only frames of PyTorch's own call of a module are looked into: they hold what they were given
    for as long as they last, so that nothing lives longer for it.
    """
    for frame in _frames():
        if frame.f_code is _CALL:
            found = names.get(id(frame.f_locals.get("self")))
            if found is not None:
                return found
    return None


def _is_torch(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.")


def _frames() -> Iterator[Any]:
    frame = sys._getframe(1)
    for _ in range(_DEEPEST):
        if frame.f_back is None:
            return
        frame = frame.f_back
        yield frame


def _extreme(values: Tensor, unit: int, extreme: Callable[..., Tensor]) -> Tensor:
    """Return the least or greatest value of each unit, over all else.

    Of maps (n, c, …) first over the samples, in long runs of memory: over all at once it takes ten
    times as long where maps are small.
    """
    whole = extreme(values, 0) if unit == 1 else extreme(values, list(range(values.dim() - 1)))
    return extreme(whole.flatten(1), 1) if unit == 1 and values.dim() > 2 else whole


def _few(values: Tensor) -> Tensor:
    """Return at most MOST_SHARED of the numbers, spread over all of them, as a view."""
    step = -(-values.numel() // MOST_SHARED)
    if not values.is_contiguous():
        return values[:: min(step, max(1, len(values) // FEWEST_SAMPLES))]
    while math.gcd(step, values.numel()) > 1:  # else a few units would be met again and again
        step += 1
    return values.view(-1)[::step]


def _at_an_end(values: Tensor, kind: str) -> Tensor:
    """Return the share of numbers that are at an end of the range."""
    low, high = _ENDS[kind]
    if high is None:
        return (values <= low).float().mean()
    margin = RAIL * (high - low)
    return ((values <= low + margin) | (values >= high - margin)).float().mean()


def _stuck(low: Tensor, high: Tensor, kind: str) -> float:
    """Return the share of units that are at one and the same end for all inputs."""
    least, most = _ENDS[kind]
    if most is None:
        return float((high <= least).float().mean())
    margin = RAIL * (most - least)
    return float(((high <= least + margin) | (low >= most - margin)).float().mean())
