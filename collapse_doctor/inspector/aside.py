"""Computing beside the training: what the user has switched on neither sees it nor changes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch.utils._python_dispatch import _disable_current_modes

__all__ = ["aside", "in_company"]

_DEVICES = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def aside() -> Iterator[None]:
    """Compute without gradients, modes, default devices and autocast, and put them back.

    A user's function mode (a default device is one) or dispatch mode (which counts, fakes or
    traces) would see our operations among the training's; autocast would round our sums.
    """
    with torch._C.DisableTorchFunction(), torch.no_grad(), ExitStack() as stack:
        if torch._C._len_torch_dispatch_stack():
            stack.enter_context(_disable_current_modes())
        for device in _DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


def in_company() -> bool:
    """Tell whether a dispatch mode or autocast is on, so that :func:`aside` is worth its cost."""
    return bool(torch._C._len_torch_dispatch_stack() or torch._C._is_any_autocast_enabled())
