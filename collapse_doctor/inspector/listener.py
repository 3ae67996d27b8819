"""Listening to the watched models: what each forward pass returns, and what is due of it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

from torch import Tensor, nn

from collapse_doctor.inspector.comparing.passes import Passes
from collapse_doctor.inspector.comparing.provenance import Known
from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import embeddings_among, is_plain, tensors_in
from collapse_doctor.inspector.pacing.attention import Attention
from collapse_doctor.inspector.pacing.pulse import Pulse
from collapse_doctor.inspector.pacing.signs import Signs
from collapse_doctor.inspector.parts import Part, forward_of, gives_loss, is_running
from collapse_doctor.inspector.senses import Senses
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import Origin, Role

__all__ = ["Listener"]

Hook = Callable[[nn.Module, Any, Any, Any], None]


class Listener:
    """Makes the forward hooks.

    On most passes nothing is due: the outputs are counted and their pulse is felt. ``on_output``
    is told the model and the name of every embedding that a model returned; ``senses`` take in what
    is due. ``in_parts`` are the models of which parts ran by themselves in the first step, and
    those that returned a loss: what they compare is what their parts returned.
    """

    def __init__(
        self,
        moment: Moment,
        attention: Attention,
        signs: Signs,
        window: ModeWindow,
        senses: Senses,
        pulse: Pulse,
        on_output: Callable[[str, str], None],
    ) -> None:
        self._moment = moment
        self._attention = attention
        self._signs = signs
        self._window = window
        self._senses = senses
        self._pulse = pulse
        self._on_output = on_output
        self._passes = Passes()
        self._modes: set[tuple[str, bool]] = set()
        self.in_parts: set[str] = set()
        self._whole: dict[str, set[CodeType]] = {}  # forwards that give a loss
        self._ends: dict[str, set[str]] = {}  # of models whose parts are heard
        self._last: tuple[weakref.ref[Tensor], str] | None = None

    def on_block(self, model: str, layer: str, role: Role, around: frozenset[CodeType]) -> Hook:
        """Return the hook of an inner layer; ``around`` is the forward of its model."""

        def hook(module: nn.Module, _args: Any, _kwargs: Any, output: Any) -> None:
            if not self._moment.step and model not in self.in_parts and not is_running(around):
                self.in_parts.add(model)
            ends = self._ends.get(model)
            if ends is not None:
                self._remember(layer, output)
            inner = role == "block" and (ends is None or layer not in ends)
            if not self._attention.is_due(model, inner=inner):
                return
            # Of several tensors the first is a block's output by convention, the rest its state.
            for _, tensor in tensors_in(output):
                self._take(model, layer, tensor, module, role)
                self._senses.way_back.inside(model, layer, tensor)
                return

        return hook

    def on_model(self, model: str) -> Hook:
        """Return the hook of a watched model itself."""

        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._window.come_back()
            self._in_mode(model, module, output)
            if not self._window.is_open:
                self._signs.gave(output)
            if self._attention.is_idle and not self._window.is_open:
                self._pass_by(model, module, output)
                return
            tensors = [(name, t) for name, t in tensors_in(output) if is_plain(t)]
            if not self._moment.step and gives_loss(tensor for _, tensor in tensors):
                self._is_whole(model, module)
            if self._window.is_open:  # nobody else asks where a tensor comes from
                self._born(model, module, tensors, (args, kwargs))
                self._senses.wrappers.passed(model, module, tensors)
            if self._attention.is_due(model, inner=False):
                self._senses.inputs.take(model, module, args, kwargs)
            rows = embeddings_among(tensors)
            if self._window.is_open:
                self._senses.objectives.born(model, rows)
            for name, tensor in rows:
                self._senses.activations.returned(tensor)
                self._returned(model, name, tensor, module)
            self._senses.way_back.passed(model, rows)
            self._moment.passed(model, [tuple(tensor.shape) for _, tensor in rows])

        return hook

    def on_part(self, model: str, part: Part) -> Hook:
        """Return the hook of a part of a model that is called by hand, or gives its loss.

        What the outermost parts return is followed as what a model returns. It goes by the name of
        the block that made it, for by that it is measured.
        """
        ends = self._ends.setdefault(model, set())
        whole = self._whole.setdefault(model, set())

        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._window.come_back()
            if not self._window.is_open or part.is_inside(whole):
                return
            tensors = [(self._made(part, n), t) for n, t in tensors_in(output) if is_plain(t)]
            if gives_loss(tensor for _, tensor in tensors):  # a method in what steps it
                self._is_whole(model, module)
            tensors = [(self._block_of(tensor) or name, tensor) for name, tensor in tensors]
            self._born(model, module, tensors, (args, kwargs), part=part.name)
            rows = embeddings_among(tensors)
            ends.update(name for name, _ in rows)
            self._senses.objectives.born(model, rows)
            for name, tensor in rows:
                self._senses.activations.returned(tensor)
                if self._senses.operands.uses.is_compared(model, name):  # an embedding for certain
                    self._returned(model, name, tensor, module)
            self._senses.way_back.passed(model, rows)
            self._moment.passed_part(model)

        return hook

    def _is_whole(self, model: str, module: nn.Module) -> None:
        """Take note of a forward that gives a loss: of what it compares, its parts must tell."""
        self.in_parts.add(model)
        self._whole.setdefault(model, set()).update(forward_of(module))

    @staticmethod
    def _made(part: Part, name: str) -> str:
        """Return the name of one tensor among those that a part returned."""
        return part.name if name == "output" else f"{part.name}.{name}"

    def _remember(self, layer: str, output: Any) -> None:
        for _, tensor in tensors_in(output):
            self._last = (weakref.ref(tensor), layer)
            return

    def _block_of(self, tensor: Tensor) -> str | None:
        """Return the block that returned this very tensor just now, if one did."""
        return self._last[1] if self._last is not None and self._last[0]() is tensor else None

    def glance(self, model: str) -> Callable[[nn.Module, Any], bool]:
        """Return what sees a pass before the hook of the model, and tells if counting will do."""
        gate, count = self._attention.glancing, self._moment.counter(model)
        gave = self._signs.gave

        def glance(module: nn.Module, output: Any) -> bool:
            if not gate.is_open or self._attention.is_felt:
                return False
            if self._moment.tells_sizes or (model, module.training) not in self._modes:
                return False
            count()
            gave(output)
            return True

        return glance

    def _in_mode(self, model: str, module: nn.Module, output: Any) -> None:
        """Look closer when a model learns in a mode it never did in: left by an evaluation."""
        mode = (model, module.training)
        if mode in self._modes:
            return
        if any(tensor.requires_grad for _, tensor in tensors_in(output)):
            if (model, not module.training) in self._modes:
                self._attention.must_change()
            self._modes.add(mode)

    def _pass_by(self, model: str, module: nn.Module, output: Any) -> None:
        """Do the least that every pass needs: count it, and see that no NaN goes by."""
        rows: list[tuple[str, Tensor]] = []
        if self._attention.must_feel or self._moment.tells_sizes:
            tensors = [(name, t) for name, t in tensors_in(output) if is_plain(t)]
            rows = embeddings_among(tensors)
        for name, tensor in rows if self._attention.must_feel else ():
            if self._pulse.feel((model, name), tensor, spread=self._attention.may_feel):
                self._take(model, name, tensor, module, "output")
        self._moment.passed(model, [tuple(tensor.shape) for _, tensor in rows])

    def _born(
        self,
        model: str,
        module: nn.Module,
        tensors: Sequence[tuple[str, Tensor]],
        inputs: Any,
        part: str = "",
    ) -> None:
        """Remember where these outputs come from; of a ``part`` that it is a network by itself."""
        moment = self._moment
        moment.entered(inputs)
        frame = user_frame()
        made = site_of(frame) if frame is not None else None
        provenance, forward = self._senses.provenance, moment.forwards_of(model)
        network = f"{model}.{part}" if part else model
        run = self._passes.ran(network, forward, module, inputs, frame)
        given = (tensor for _, tensor in tensors_in(inputs, "inputs"))
        self._senses.operands.corrupted.entered(run, given)
        for name, tensor in tensors:
            origin = Origin(model, name, moment.step, forward)
            rewrote, serial = provenance.slots.take(tensor, origin), provenance.writes.now()
            known = Known(origin, moment.inputs, made, (), run, serial, rewrote)
            run.outputs[name] = provenance.born(tensor, known)

    def _returned(self, model: str, name: str, tensor: Tensor, module: nn.Module) -> None:
        """Take in one tensor of embedding rows that a model returned."""
        broke = self._pulse.feel((model, name), tensor, spread=self._attention.may_feel)
        if broke or self._attention.is_due(model, inner=False):
            self._take(model, name, tensor, module, "output")
        self._on_output(model, name)

    def _take(self, model: str, layer: str, tensor: Tensor, module: nn.Module, role: Role) -> None:
        self._senses.embeddings.add((model, layer), tensor, module, role)
