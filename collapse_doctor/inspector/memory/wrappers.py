"""Outputs as their users hold them: a wrapper may hand out copies of what the model returned.

``DistributedDataParallel`` clones them with ``find_unused_parameters`` and ``static_graph``. The
model itself is what is watched and described; of its wrapper only the outputs are looked at.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.outputs import is_plain, tensors_in

__all__ = ["Wrappers", "unwrapped"]

MOST_FRAMES = 16
"""Calls between a wrapper's ``forward`` and the hook of the module it wraps, with room to spare."""
LOOKS = 2
"""Forward passes in which a wrapper is looked for that was not there when the watch began."""


def unwrapped(models: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Return the models without ``DistributedDataParallel`` around them.

    One whose ``forward`` is compiled stays as it is: what it wraps runs inside compiled code.
    """
    return {name: _inner(model) for name, model in models.items()}


def _inner(model: nn.Module) -> nn.Module:
    compiled = getattr(model, "_compiled_call_impl", None) is not None
    wraps = isinstance(model, DistributedDataParallel) and not compiled
    inner = model.module if wraps else model
    return inner if isinstance(inner, nn.Module) else model


class Wrappers:
    """Knows what a wrapper hands out for what it is: the output of the model inside.

    Parameters
    ----------
    provenance
        What is known of the model's own outputs.
    attach
        Attaches a forward hook to a module, and sees that it is removed.
    """

    def __init__(
        self, provenance: Provenance, attach: Callable[[nn.Module, Callable[..., None]], None]
    ) -> None:
        self._provenance = provenance
        self._attach = attach
        self._known: dict[str, dict[str, Known]] = {}
        self._looks: Counter[str] = Counter()

    def add(self, model: str, wrapper: nn.Module) -> None:
        """Look at what ``wrapper``, around the model of that name, returns."""
        self._looks[model] = LOOKS

        def hook(_module: nn.Module, _args: Any, _kwargs: Any, output: Any) -> None:
            known = self._known.get(model, {})
            for name, tensor in tensors_in(output):
                if name in known and is_plain(tensor):
                    self._provenance.handed_out(tensor, known[name])

        self._attach(wrapper, hook)

    def passed(self, model: str, module: nn.Module, outputs: Sequence[tuple[str, Tensor]]) -> None:
        """Take note of what the model itself returned just now."""
        found = ((name, self._provenance.of(tensor)) for name, tensor in outputs)
        self._known[model] = {name: known for name, known in found if known is not None}
        if self._looks[model] < LOOKS:
            self._looks[model] += 1
            wrapper = _around(module)
            if wrapper is not None:
                self.add(model, wrapper)


def _around(module: nn.Module) -> nn.Module | None:
    """Return the wrapper in whose ``forward`` the module runs right now, or None."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(MOST_FRAMES):
        if frame is None:
            return None
        if frame.f_code is DistributedDataParallel.forward.__code__:
            wrapper = frame.f_locals.get("self")
            if isinstance(wrapper, DistributedDataParallel) and wrapper.module is module:
                return wrapper
        frame = frame.f_back
    return None
