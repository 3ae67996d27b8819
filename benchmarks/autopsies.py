"""torchmortem on the programs of the collection, in the place of the Inspector."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

__all__ = ["SEVERITIES", "Autopsied", "install", "is_installed"]

SEVERITIES = ("torchmortem, critical", "torchmortem, warning")
"""What counts as an alarm: its two levels above info."""

_LOSS = [float("nan")]


class Autopsied:
    """Takes what an Inspector takes, and has torchmortem watch."""

    found: Mapping[str, float] = {}

    def __init__(self, model: nn.Module | Mapping[str, nn.Module], **_options: object) -> None:
        autopsy = importlib.import_module("torchmortem").Autopsy
        models = model.values() if isinstance(model, Mapping) else [model]
        self._autopsies: list[Any] = [autopsy(each) for each in models]

    def __enter__(self) -> Self:
        for autopsy in self._autopsies:
            autopsy.attach()
        self._hook = register_optimizer_step_post_hook(self._stepped)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hook.remove()
        for autopsy in self._autopsies:
            autopsy.detach(is_complete=kind is None)

    def _stepped(self, *_of_the_optimizer: object) -> None:
        for autopsy in self._autopsies:
            autopsy.step(loss=_LOSS[0])

    def step(self, **_told: object) -> None:
        """Hear what an Inspector is told; steps are counted from the optimizer."""

    def diagnose(self) -> Self:
        """Return its worst severity as readings: 1 for an alarm, 0 for none."""
        reports = [autopsy.get_report() for autopsy in self._autopsies]
        worst = max((int(f.severity) for r in reports if r for f in r.findings), default=0)
        type(self).found = {SEVERITIES[0]: float(worst >= 2), SEVERITIES[1]: float(worst >= 1)}
        return self


def is_installed() -> bool:
    """Tell whether torchmortem can be run here (``pip install torchmortem==0.1.1``)."""
    return importlib.util.find_spec("torchmortem") is not None


def install() -> None:
    """Put it in the Inspector's place, in a process that runs one program and ends."""
    backward: Callable[..., None] = Tensor.backward

    def heard(loss: Tensor, *args: Any, **kwargs: Any) -> None:
        _LOSS[0] = float(loss.detach().sum()) if loss.numel() == 1 else float("nan")
        backward(loss, *args, **kwargs)

    setattr(Tensor, "backward", heard)  # noqa: B010  (a method, which types cannot be assigned)
    for name in ("collapse_doctor", "collapse_doctor.api"):
        importlib.import_module(name)
        vars(sys.modules[name])["Inspector"] = Autopsied
