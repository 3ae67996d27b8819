"""Leaving PyTorch's fused inference of transformers alone.

In eval mode without gradients ``nn.TransformerEncoderLayer`` runs as one fused kernel, unless a
function mode is on, or it or a part of it has a hook. Its numbers differ in rounding, and at padded
positions altogether. So for such passes our mode rests and our hooks inside are taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from collapse_doctor.inspector.hooks import Attached, attach, attach_before
from collapse_doctor.inspector.mode import ModeWindow

__all__ = ["FastPaths"]

_FUSED = (nn.TransformerEncoderLayer, nn.MultiheadAttention)
FUSED = "fused"
"""Why hooks are hidden while it runs."""

Guard = Callable[[Callable[..., None]], Callable[..., None]]


class FastPaths:
    """Knows when a model is about to take the fused path, and steps out of its way."""

    def __init__(self, window: ModeWindow, guard: Guard) -> None:
        self._window = window
        self._guard = guard
        self._brackets: list[Attached] = []
        self._inside: list[Attached] = []
        self._within: nn.Module | None = None

    def start(self, models: Iterable[nn.Module], inside: Iterable[Attached]) -> None:
        """Watch for such passes of ``models``; ``inside`` are the hooks on their inner layers."""
        self._inside = list(inside)
        for model in models:
            if any(isinstance(module, _FUSED) for module in model.modules()):
                self._bracket(model)

    def reset(self) -> None:
        """End a pass that failed and so never ended."""
        if self._within is not None:
            self._left(self._within)

    def stop(self) -> None:
        """Take off all hooks. Safe to call twice."""
        self.reset()
        while self._brackets:
            self._brackets.pop()()

    def _bracket(self, model: nn.Module) -> None:
        # A hook on the encoder itself does no harm; one on a layer would be what is avoided here.
        encoders = (m for m in model.modules() if isinstance(m, nn.TransformerEncoder))
        for module in dict.fromkeys((model, *encoders)):
            if not isinstance(module, _FUSED):
                entered, left = self._guard(self._entered), self._guard(self._left)
                # Asked at a glance: inside of ours there are no gradients.
                before = attach_before(module, entered, glance=lambda *_: torch.is_grad_enabled())
                after = attach(module, left, glance=lambda module, _: self._within is not module)
                self._brackets += [before, after]

    def _entered(self, module: nn.Module, *_call: object) -> None:
        fused = (m for m in module.modules() if isinstance(m, _FUSED))
        if self._within is None and any(not m.training for m in fused):
            self._within = module
            self._window.rest(True)
            for hook in self._inside:
                hook.hide(FUSED)

    def _left(self, _module: nn.Module, *_call: object) -> None:
        self._within = None
        for hook in self._inside:
            hook.show(FUSED)
        self._window.rest(False)
