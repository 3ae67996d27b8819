"""Computing beside the training: what the user has switched on neither sees it nor changes it."""

from __future__ import annotations

from types import TracebackType

import torch
from torch.utils._python_dispatch import _disable_current_modes

__all__ = ["Aside"]

_DEVICES = ("cpu", "cuda", "mps", "xpu")


class Aside:
    """Computes without gradients, modes, default devices and autocast, and puts them back.

    A user's function mode (a default device is one) or dispatch mode (which counts, fakes or
    traces) would see our operations among the training's; autocast would round our sums. It is
    entered at every callback of ours, so it only touches what is on.
    """

    __slots__ = ("_autocast", "_dispatch", "_function", "_grad")

    def __enter__(self) -> None:
        """Switch everything off."""
        self._function = torch._C.DisableTorchFunction()
        self._function.__enter__()
        self._grad = torch._C.is_grad_enabled()
        torch._C._set_grad_enabled(False)
        self._dispatch = None
        if torch._C._len_torch_dispatch_stack():
            self._dispatch = _disable_current_modes()
            self._dispatch.__enter__()
        self._autocast: tuple[str, ...] = ()
        if torch._C._is_any_autocast_enabled():
            self._autocast = tuple(d for d in _DEVICES if torch.is_autocast_enabled(d))
            self._cast(False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put back what was on."""
        if self._autocast:
            self._cast(True)
        if self._dispatch is not None:
            self._dispatch.__exit__(kind, error, trace)
        torch._C._set_grad_enabled(self._grad)
        self._function.__exit__(kind, error, trace)

    def _cast(self, enabled: bool) -> None:
        for device in self._autocast:
            torch.set_autocast_enabled(device, enabled)
