"""Making the active tests: once, when the watched block is left without an exception."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from collapse_doctor.inspector.compiler.compiled import is_capturing
from collapse_doctor.inspector.fuse import reason_of
from collapse_doctor.inspector.layers import Layer
from collapse_doctor.inspector.probing.batch import batches_of
from collapse_doctor.inspector.probing.bench import Bench, CannotRun
from collapse_doctor.inspector.probing.registry import TESTS, ActiveTest
from collapse_doctor.inspector.probing.settling import beginnings
from collapse_doctor.inspector.processes.placement import place
from collapse_doctor.inspector.source.callsite import still, user_frame
from collapse_doctor.recording.observations import Probe, Role

__all__ = ["Prober"]

Emit = Callable[[Probe], None]

FRAMES = 8
"""Functions that began the watch, from the innermost outwards, in whose files is looked."""
LATER = "the probe is run when the watched block is left"


class Prober:
    """Runs the models on their probe batches, and tells what each test showed.

    Parameters
    ----------
    models, blocks
        The watched models and their inner layers, which are looked at by name.
    role
        Of the inner layers.
    probe
        A batch for some or all of the models, by name; None for no active tests.

    Raises
    ------
    UsageError
        For what is no batch, or for no watched model.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        blocks: Mapping[str, Sequence[Layer]],
        role: Role,
        probe: Mapping[str, Any] | None,
    ) -> None:
        self._batches = batches_of(probe, models)
        self._models = models
        self._blocks = blocks
        self._role: Role = role
        self._resting: dict[str, frozenset[int]] = {}
        frame = user_frame() if self._batches else None
        self._frame = still(frame, FRAMES) if frame is not None else None
        self._before = {name: beginnings(models[name]) for name in self._batches}

    def announce(self, emit: Emit) -> None:
        """Say what is to come: a diagnosis before it, or of a training that is killed, says so."""
        self._skip(emit, LATER)

    def look(self) -> None:
        """Take note of the modes that the models are trained in, parts kept in eval mode among it.

        For steps that are looked at: it visits every module.
        """
        for name in self._batches:
            model = self._models[name]
            if model.training:
                resting = (id(module) for module in model.modules() if not module.training)
                self._resting[name] = frozenset(resting)

    def run(self, emit: Emit, error: BaseException | None, *, off: bool = False) -> None:
        """Make all tests, unless the Inspector is ``off``. Only what is told remains of them."""
        reason = "the Inspector had switched itself off" if off else _forbidden(error)
        if reason:
            self._skip(emit, reason)
            return
        for name, batch in self._batches.items():
            model = self._models[name]
            if name not in self._resting:
                self.look()
            resting, before = self._resting.get(name), self._before.get(name)
            bench = Bench(
                name, model, self._blocks[name], batch, resting, self._role, before, self._frame
            )
            for test, make in TESTS.items():
                _tell(emit, test, make, bench)

    def forget(self) -> None:
        """Let go of the batches, and of what was kept of the models."""
        self._batches.clear()
        self._before.clear()
        self._frame = None

    def _skip(self, emit: Emit, reason: str) -> None:
        for name in self._batches:
            for test in TESTS:
                emit(Probe(test, name, reason))


def _forbidden(error: BaseException | None) -> str:
    """Return why no model may be run now, "" if it may."""
    if error is not None:
        return f"the training ended with an exception ({type(error).__name__})"
    if place().world > 1:
        return "in one of several processes a forward pass may wait for the others for ever"
    if is_capturing():
        return "a CUDA graph is recorded, of which its passes would become part"
    return ""


def _tell(emit: Emit, test: str, make: ActiveTest, bench: Bench) -> None:
    """Make one test of one model; a fault of ours in it ends the test, and no other."""
    try:
        shown = list(make(bench))
    except CannotRun as missing:
        emit(Probe(test, bench.name, str(missing)))
    except Exception as error:
        emit(Probe(test, bench.name, f"the test failed: {reason_of(error)}"))
    else:
        emit(Probe(test, bench.name, "" if shown else "the model returned no embedding rows"))
        for probe in shown:
            emit(probe)
