"""Staying out of the compiler's sight, and telling what could not be seen because of it.

Compiled code is guarded by what it was compiled under: a function mode on the stack, hooks on the
modules it went through. Were ours among them, it would be compiled again as they come and go. So
both are taken away before anything is compiled, and the hooks come back afterwards: by default
dynamo does not look at them any more. The mode also has to be away whenever compiled code is
called: around calls of the watched models and of their compiled parts it is, for these begin and
end with a hook; once anything else was compiled, it stays away.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from collapse_doctor.inspector.compiler.compiled import (
    anything_compiled,
    called_by_dynamo,
    compiled_modules,
    compiled_parts,
    is_compiled,
    is_inside,
    keep_dynamo_out,
)
from collapse_doctor.inspector.hooks import (
    Attached,
    Callback,
    ForwardHook,
    Gate,
    Glance,
    attach,
    attach_before,
)
from collapse_doctor.inspector.layers import Layer
from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.pacing.resting import Resting

__all__ = ["Compiling"]

MOST_NAMES = 3
REST = "rest"
"""Why hooks are off between two looks; without a word they are off for a compilation."""

_OTHER_CODE = "not observed from here on, because code was compiled that is not a watched model"

Guard = Callable[[Callable[..., None]], Callable[..., None]]
Note = Callable[[str, str], None]


class Compiling:
    """Attaches hooks and opens the mode's window so that nothing is compiled otherwise for it.

    Parameters
    ----------
    models, blocks
        The watched models by name, and their layers that are to be watched.
    window
        The function mode, entered here and nowhere else.
    guard
        Wraps callbacks so that they cannot raise.
    note
        Takes notices: what they are about, and their text.

    Attributes
    ----------
    on_begin
        Called whenever something is going to be compiled.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        blocks: Mapping[str, Sequence[Layer]],
        window: ModeWindow,
        guard: Guard,
        note: Note,
    ) -> None:
        self._models = models
        self._blocks = blocks
        self._window = window
        self._guard = guard
        self._note = note
        self._began, self._ended = guard(self._begins), guard(self._ends)
        self._resting = Resting(window)
        self._handler: Any = None
        self._thread = threading.get_ident()
        self._hooks: list[Attached] = []
        self._within: nn.Module | None = None  # the watched compiled module that is being called
        self._told: dict[str, set[str]] = {}  # layers said to be inside compiled code, by model
        self._blind = False
        self._stale = False  # something was compiled since the models were looked at
        self._gate = Gate()  # of the hooks around calls: open while the mode may be on
        self._suspect = False  # something was compiled while it was closed
        self._at_rest: list[Attached] = []  # the hooks that are taken off between two looks
        self._rests = False
        self.happened = False
        self.on_begin: list[Callable[[], None]] = []

    def start(self) -> None:
        """Listen for compilations, tell what is compiled already, and enter the mode's window."""
        keep_dynamo_out(ForwardHook.__call__.__code__)
        keep_dynamo_out(self._began.__code__)  # of everything that is guarded
        self._handler = _callback_handler()
        self._listen()
        self._look()
        for name, model in self._models.items():
            self._bracket(name, model)
        if anything_compiled(self._models.values()):
            self.happened = True
            self._be_blind(
                "not observed, because this process holds compiled code; if none of it is called "
                "in this training, call torch._dynamo.reset() before"
            )
        else:
            self._window.enter()
            self._resting.start(self._guard)

    def attach(
        self,
        module: nn.Module,
        callback: Callback,
        gate: Gate | None = None,
        glance: Glance | None = None,
    ) -> Attached:
        """Register a forward hook that dynamo never sees; it is silent while ``gate`` is closed.

        With a gate it is off its module altogether while the watch rests.
        """
        hook = attach(module, callback, gate, glance)
        self._hooks.append(hook)
        if gate is not None:
            self._at_rest.append(hook)
        return hook

    def rest(self, begins: bool) -> None:
        """Take hooks off while nothing is looked at, and put them back, between two steps.

        Not where anything is compiled: code may be guarded by the hooks that there were.
        """
        begins = begins and not self.happened
        if begins != self._rests:
            self._rests = begins
            for hook in self._at_rest:
                (hook.hide if begins else hook.show)(REST)

    def observable(self, model: str) -> list[Layer]:
        """Return the layers of one model that are not inside compiled code, each name once."""
        layers: dict[str, Layer] = {}
        for layer in self._blocks[model]:
            if layer.name not in self._told.get(model, ()):
                layers.setdefault(layer.name, layer)  # the wrapper comes before what it wraps
        return list(layers.values())

    def set_window(self, wanted: bool) -> None:
        """Open or close the mode's window between two steps, unless it has to stay closed."""
        self._within = None  # a call that failed did not end
        self._listen()
        if self._stale:
            self._stale = False
            self._look()
        if wanted and self._suspect:
            self._suspect = False
            if anything_compiled(self._models.values()):
                self._be_blind(_OTHER_CODE)
        self._gate.is_open = wanted and not self._blind
        self._window.set(self._gate.is_open)

    def stop(self) -> None:
        """Leave the window, take off all hooks, and listen no longer. Safe to call twice."""
        self._window.leave()
        self._resting.stop()
        self._at_rest.clear()
        while self._hooks:
            self._hooks.pop()()
        handler = self._handler
        with contextlib.suppress(AttributeError, ValueError):  # reset() has removed them already
            handler.remove_start_callback(self._began)
            handler.remove_end_callback(self._ended)

    # While dynamo compiles: its callbacks run before it looks at modes and hooks, and after

    def _listen(self) -> None:
        """Ask to be called; again and again, for torch._dynamo.reset() forgets who asked."""
        handler = self._handler
        with contextlib.suppress(AttributeError):
            if self._began not in handler.start_callbacks:
                handler.register_start_callback(self._began)
                handler.register_end_callback(self._ended)

    def _begins(self, *_about: Any) -> None:
        self.happened = self._stale = True
        self.rest(False)
        self._resting.stop()
        for stop in self.on_begin:
            stop()
        # With guards on hooks, taking ours away and putting them back would be noticed.
        if getattr(torch._dynamo.config, "skip_nnmodule_hook_guards", True):
            for hook in self._hooks:
                hook.hide()
        in_backward = torch._C._current_graph_task_id() != -1  # no mode is on during backward
        here = threading.get_ident() == self._thread
        if here and self._within is None and not in_backward:
            self._suspect = not self._gate.is_open
            if self._gate.is_open:
                self._be_blind(_OTHER_CODE)

    def _ends(self, *_about: Any) -> None:
        for hook in self._hooks:
            hook.show()

    def _be_blind(self, why: str) -> None:
        self._window.leave()
        if not self._blind:
            self._blind = True
            self._note("comparisons", why)

    # While a watched model is called

    def _bracket(self, name: str, model: nn.Module) -> None:
        """Keep the mode away while a watched model, or a compiled part of it, runs compiled."""
        for module in dict.fromkeys((model, *compiled_modules(model))):
            before, after = self._guard(self._entered(name)), self._guard(self._left)
            brackets = [attach_before(module, before, self._gate)]
            brackets.append(attach(module, after, self._gate))
            self._hooks += brackets
            self._at_rest += brackets

    def _entered(self, name: str) -> Callback:
        def hook(module: nn.Module, *_call: Any) -> None:
            self._listen()
            if self._within is not None:
                return
            whole = module is self._models[name]
            if not is_compiled(module):
                if not called_by_dynamo(sys._getframe()):
                    return
                if whole:  # compile returned a wrapper of it, which is not what is watched
                    self._tell(name, [""], [layer.name for layer in self._blocks[name]])
            self._within = module
            self._window.rest(True)

        return hook

    def _left(self, module: nn.Module, *_call: Any) -> None:
        if self._within is module:
            self._within = None
            self._window.rest(False)

    # Telling

    def _look(self) -> None:
        for name, model in self._models.items():
            parts = compiled_parts(model)
            if parts:
                names = (layer.name for layer in self._blocks[name])
                self._tell(name, parts, [layer for layer in names if is_inside(model, layer)])

    def _tell(self, model: str, parts: Sequence[str], layers: Sequence[str]) -> None:
        """Note once what is compiled in a model, and which of its layers cannot be seen for it."""
        told = self._told.get(model)
        if told is not None and told.issuperset(layers):
            return
        self._told[model] = {*layers, *(told or ())}
        what = "is compiled" if "" in parts else f"is compiled in parts ({_some(parts)})"
        inside = f", nor are {len(layers)} of its layers ({_some(layers)})" if layers else ""
        self._note(model, f"{what}: comparisons inside compiled code are not observed{inside}")


def _callback_handler() -> Any:
    """Return where dynamo keeps who listens for compilations, None if it cannot be known.

    Every optimizer imports dynamo; without one, this does, which takes a second: listening only
    once somebody else has loaded it would miss the first thing that is compiled.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from torch._dynamo import callback

        return callback.callback_handler
    return None


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
