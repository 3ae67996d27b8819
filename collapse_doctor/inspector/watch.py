"""The watch over one training: attaches, listens, lets go, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch import Tensor, nn

from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.about import describe
from collapse_doctor.inspector.callsite import site_of, user_frame
from collapse_doctor.inspector.clock import StepClock
from collapse_doctor.inspector.embeddings import Embeddings
from collapse_doctor.inspector.fresh import is_fresh
from collapse_doctor.inspector.fuse import Fuse
from collapse_doctor.inspector.hooks import attach
from collapse_doctor.inspector.joining import weights_digest
from collapse_doctor.inspector.labels import describe_labels, describe_loss
from collapse_doctor.inspector.layers import Layer, choose_all
from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.operands import SEEN, Operands
from collapse_doctor.inspector.outputs import embeddings_among, is_plain, tensors_in
from collapse_doctor.inspector.placement import place, plan_of
from collapse_doctor.inspector.provenance import Known, Provenance
from collapse_doctor.inspector.ranks import Ranks
from collapse_doctor.inspector.schedule import Schedule
from collapse_doctor.inspector.wrappers import Wrappers, unwrapped
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.observations import Manifest, Notice, Origin, Role, Tick
from collapse_doctor.recording.writer import RecordingWriter

__all__ = ["Watch"]

TICK_EVERY = 64
"""Steps between two notes of how far the training has come."""


class Watch:
    """Watches one or several models while a block of code trains them.

    Parameters
    ----------
    models
        The models by name. They are not changed, and not kept alive by what is recorded.
    layers
        Names, glob patterns or modules to watch beside the outputs; None for the main blocks.
    every
        Measure every n-th step; None adapts (see :class:`Schedule`).
    out
        Folder for the recording; None keeps it in memory, bounded.

    Raises
    ------
    UsageError
        For something that is no model, a layer that matches nothing, an ``every`` below 1.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        *,
        layers: Sequence[str | nn.Module] | None = None,
        every: int | None = None,
        out: str | Path | None = None,
    ) -> None:
        self._given = _checked(models)
        self._models = unwrapped(self._given)
        self._schedule = Schedule(every)
        self._blocks = choose_all(self._models, layers)
        self._role: Role = "block" if layers is None else "chosen"
        self._outputs: dict[str, list[str]] = {name: [] for name in self._models}
        self._fresh: set[str] = set()
        self._broken: set[tuple[str, str]] = set()
        self._out = Path(out) if out is not None else None
        self._fuse = Fuse(self._blown)
        self._clock = StepClock(self._models.values(), self._ticked)
        self._moment = Moment(self._models, self._clock)
        self._provenance = Provenance()
        self._wrappers = Wrappers(self._provenance, self._hook)
        self._window = ModeWindow(SEEN, self._fuse.guard(self._called))
        self._detach: list[Callable[[], None]] = []
        self._sink: Recording | RecordingWriter | None = None
        self._ranks: Ranks
        self._embeddings: Embeddings
        self._operands: Operands
        self._ended = False

    def __enter__(self) -> Self:
        """Attach. Raises only for what cannot work at all, such as a folder that is taken."""
        if self._sink is not None:
            raise UsageError(
                "a fresh Inspector for each training",
                "one that was entered before",
                remedy="make a new Inspector(model)",
            )
        self._fuse.guard(self._look_at_weights)()
        manifest = self._describe(self._blocks)
        out = self._out if place().rank == 0 else None  # one recording, of all processes
        sink = Recording(manifest) if out is None else RecordingWriter(out, manifest)
        self._sink = sink
        digest = partial(weights_digest, self._models.values())
        self._ranks = Ranks(sink, plan_of(manifest), digest)
        self._embeddings = Embeddings(self._ranks)
        self._operands = Operands(self._moment, self._provenance, self._ranks.append)
        self._fuse.guard(self._ranks.join)()
        self._fuse.guard(self._attach)()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of everything. An exception of the user's passes through untouched."""
        reason = f"{kind.__name__}: {error}" if kind is not None else ""
        self._fuse.guard(self._tell)()
        Fuse(self._blown).guard(self._let_go)()  # also after our own fuse blew
        Fuse(self._blown).guard(self._leave_ranks)(reason)
        Fuse(self._blown).guard(self._close)(reason)

    def step(self, *, loss: Any = None, labels: Any = None) -> None:
        """Tell what cannot be seen from outside, once per step, wherever it suits the loop.

        Parameters
        ----------
        loss
            The loss of this step: a number, or a tensor (which is averaged).
        labels
            The labels of this step as the loss uses them: a scalar, or one per row.
        """
        self._fuse.guard(self._told)(loss, labels)

    @property
    def recording(self) -> Recording:
        """What was recorded so far, complete up to the present step."""
        if self._sink is None:
            raise UsageError(
                "an Inspector that has watched something",
                "one that was never entered",
                remedy="wrap the training in `with Inspector(model) as inspector:`",
            )
        if not self._ended:
            self._fuse.guard(self._tell)()
            self._fuse.guard(self._tell_waiting)()
        return self._sink.recording if isinstance(self._sink, RecordingWriter) else self._sink

    # Attaching and letting go

    def _attach(self) -> None:
        self._clock.start(self._fuse.guard)
        compiled = [name for name, model in self._models.items() if _is_compiled(model)]
        for name, model in self._models.items():
            for layer in self._blocks[name] if name not in compiled else ():
                self._hook(layer.module, self._on_block(name, layer.name))
            self._hook(model, self._on_output(name))
            if self._given[name] is not model:
                self._wrappers.add(name, self._given[name])
        for name in compiled:
            self._note(name, "is compiled: its outputs are observed, its inner layers are not")
            self._note("comparisons", "not observed, because a model is compiled")
        if not compiled:
            self._window.enter()

    def _hook(self, module: nn.Module, callback: Callable[..., None]) -> None:
        self._detach.append(attach(module, self._fuse.guard(callback)))

    def _let_go(self) -> None:
        self._clock.stop()
        self._window.leave()
        while self._detach:
            self._detach.pop()()

    def _blown(self, reason: str) -> None:
        self._let_go()
        self._note("inspector", f"switched itself off after a fault of its own: {reason}")

    def _close(self, reason: str) -> None:
        if self._ended or self._sink is None:
            return
        self._ended = True
        if not self._clock.forwards:
            self._note("inspector", "no forward pass of a watched model was seen in this thread")
        self._sink.append(self._tick(ended=True, reason=reason))
        self._sink.close()

    # Listening

    def _on_block(self, model: str, layer: str) -> Callable[..., None]:
        def hook(module: nn.Module, _args: Any, _kwargs: Any, output: Any) -> None:
            # Of several tensors the first is a block's output by convention, the rest its state.
            for _, tensor in tensors_in(output):
                self._measure(model, layer, tensor, module, self._role)
                return

        return hook

    def _on_output(self, model: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._moment.entered((args, kwargs))
            tensors = [(name, t) for name, t in tensors_in(output) if is_plain(t)]
            for name, tensor in tensors:
                self._born(model, name, tensor)
            self._wrappers.passed(model, module, tensors)
            rows = embeddings_among(tensors)
            for name, tensor in rows:
                self._output(model, name, tensor, module)
            self._moment.passed(model, [tuple(tensor.shape) for _, tensor in rows])
            if self._embeddings.is_full:
                self._embeddings.tell(merge=False)

        return hook

    def _born(self, model: str, name: str, tensor: Tensor) -> None:
        moment = self._moment
        origin = Origin(model, name, moment.step, moment.forwards_of(model))
        frame = user_frame() if self._window.is_open else None
        made = site_of(frame) if frame is not None else None
        self._provenance.born(tensor, Known(origin, moment.inputs, made))

    def _output(self, model: str, name: str, tensor: Tensor, module: nn.Module) -> None:
        """Take in one tensor of embedding rows that a model returned."""
        self._measure(model, name, tensor, module, "output")
        if name not in self._outputs[model] and self._sink is not None:
            self._outputs[model].append(name)
            self._sink.describe(self._describe(self._distinct_blocks()))

    def _look_at_weights(self) -> None:
        self._fresh = {name for name, model in self._models.items() if is_fresh(model)}

    def _describe(self, blocks: Mapping[str, Sequence[Layer]]) -> Manifest:
        return describe(self._models, blocks, self._outputs, self._role, self._fresh)

    def _distinct_blocks(self) -> dict[str, list[Layer]]:
        """Return the watched blocks without those whose output is the model's own."""
        doubles = self._embeddings.doubles
        return {
            model: [layer for layer in layers if (model, layer.name) not in doubles]
            for model, layers in self._blocks.items()
        }

    def _measure(
        self, model: str, layer: str, tensor: Tensor, module: nn.Module, role: Role
    ) -> None:
        moment = self._moment
        due = self._schedule.measures(moment.due(model))
        if due or (role == "output" and self._breaks(model, layer, tensor)):
            when = (moment.step, moment.forwards_of(model))
            self._embeddings.add((model, layer), when, tensor, module, role)

    def _breaks(self, model: str, layer: str, tensor: Tensor) -> bool:
        """Tell whether an output holds NaN or infinity for the first time: no step to miss."""
        if (model, layer) in self._broken or tensor.device.type != "cpu":
            return False
        broken = not bool(tensor.detach().sum().isfinite())
        if broken:
            self._broken.add((model, layer))
        return broken

    def _called(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        self._operands.seen(func, args, kwargs, result)

    def _ticked(self, steps: int) -> None:
        self._embeddings.tell(merge=True)
        self._embeddings.measure(self._ranks.tick(steps))
        self._provenance.sweep()
        if not any(_is_compiled(model) for model in self._models.values()):
            self._window.set(self._schedule.compares(steps))
        if steps % TICK_EVERY == 0 and self._sink is not None:
            self._sink.append(self._tick())

    def _told(self, loss: Any, labels: Any) -> None:
        if self._sink is None or self._ended:
            return
        moment = self._moment
        step = moment.labelled_step
        try:
            if loss is not None:
                self._sink.append(describe_loss(loss, step))
            if labels is not None:
                self._ranks.append(describe_labels(labels, step, moment.batch, moment.sizes))
        except (TypeError, ValueError) as error:  # what people pass is theirs to choose
            self._note("inspector.step", f"an argument was not understood: {error}")
        self._clock.tick_by_hand()

    # Telling

    def _tell(self) -> None:
        if self._sink is not None:
            self._embeddings.tell(merge=self._clock.kind != "forward")
            self._sink.append(self._tick())

    def _tell_waiting(self) -> None:
        self._embeddings.measure(self._ranks.present())

    def _leave_ranks(self, reason: str) -> None:
        self._embeddings.measure(self._ranks.leave(reason))

    def _tick(self, *, ended: bool = False, reason: str = "") -> Tick:
        clock = self._clock
        return Tick(clock.steps, clock.forwards, clock.kind, ended, reason)

    def _note(self, about: str, text: str) -> None:
        if self._sink is not None:
            self._ranks.append(Notice(about=about, text=text, step=self._clock.steps))


def _checked(models: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    for name, model in models.items():
        if not isinstance(model, nn.Module):
            raise UsageError(
                "an nn.Module, or a dict of names to nn.Modules",
                f"{type(model).__name__} for {name!r}",
                where="Inspector",
                remedy="pass the module you train",
            )
    if not models:
        raise UsageError(
            "at least one model", "an empty dict", where="Inspector", remedy="pass the module"
        )
    return dict(models)


def _is_compiled(model: nn.Module) -> bool:
    return hasattr(model, "_orig_mod") or getattr(model, "_compiled_call_impl", None) is not None
