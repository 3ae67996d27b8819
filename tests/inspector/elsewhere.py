"""A device that is none: CPU tensors that the Inspector must treat as if they lay elsewhere.

Every tensor of the training counts as far away. What the Inspector computes of those is far away
too; what it makes itself, and what ``send`` brought over, is here. While the training runs nothing
of what is far away may be read, in whatever way, nor met with what is here: on a GPU the first
would wait for it, the second would fail.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.pacing import later

LAG = 3
"""Steps that values take to come over."""

READING = {
    "_linalg_eigh",
    "_linalg_svd",
    "_local_scalar_dense",
    "_unique",
    "_unique2",
    "allclose",
    "bincount",
    "equal",
    "histc",
    "is_nonzero",
    "item",
    "masked_select",
    "nonzero",
    "nonzero_numpy",
    "nonzero_static",
    "unique_consecutive",
    "unique_dim",
}
"""Operations of ATen that wait for the device, or have a number of results that it must tell."""
FETCHING = ("__array__", "cpu", "numpy", "tolist")
"""Methods that bring values over without being an operation where these are on the host."""
MAKING = ("from_numpy", "frombuffer")
"""Functions that make a tensor on the host without being an operation."""


class Breach(Exception):  # noqa: N818  # it is not an error of anybody's but the test's finding
    """The training would have waited."""


class Elsewhere:
    """The device: what lies on it, and how long what was sent is under way.

    Attributes
    ----------
    runs
        Whether the training runs: before and after it, anything may be read.
    step
        The step the training is at, by which what was sent arrives.
    breaches
        What was done that would have waited.
    sent
        How many tensors were sent from it.
    """

    def __init__(self) -> None:
        self.runs = False
        self.step = 0
        self.breaches: list[str] = []
        self.sent = 0
        self._here: dict[int, StorageWeakRef] = {}

    def is_here(self, tensor: Tensor) -> bool:
        known = self._here.get(tensor.untyped_storage()._cdata)
        return known is not None and not known.expired()

    def put_here(self, tensor: Tensor) -> None:
        storage = StorageWeakRef(tensor.untyped_storage())
        self._here[storage.cdata] = storage

    def send(self, tensors: Sequence[Tensor]) -> Any:
        if all(map(self.is_here, tensors)):
            return later._Here([tensor.detach() for tensor in tensors])
        self.sent += len(tensors)
        with _disable_current_modes():
            copies = [tensor.detach().clone() for tensor in tensors]
        return UnderWay(self, copies, self.step + LAG)

    def breach(self, what: str) -> NoReturn:
        frame = sys._getframe(1)
        while "collapse_doctor" not in frame.f_code.co_filename and frame.f_back is not None:
            frame = frame.f_back
        self.breaches.append(f"{what} in {frame.f_code.co_qualname}:{frame.f_lineno}")
        raise Breach(what)


@dataclass
class UnderWay:
    """A transfer that takes some steps."""

    device: Elsewhere
    copies: list[Tensor]
    arrival: int

    def is_ready(self) -> bool:
        return not self.device.runs or self.device.step >= self.arrival

    def read(self) -> list[Tensor]:
        if not self.is_ready():
            self.device.breach("waiting for what was sent")
        for copy in self.copies:
            self.device.put_here(copy)
        return self.copies


class Guard(TorchDispatchMode):
    """Sees every operation of our callbacks."""

    def __init__(self, device: Elsewhere) -> None:
        super().__init__()
        self.device = device

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        device, name = self.device, func.overloadpacket.__name__
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        away = [tensor for tensor in tensors if not device.is_here(tensor)]
        here = [tensor for tensor in tensors if device.is_here(tensor)]
        if name == "lift_fresh":  # what `torch.tensor` has just made
            device.put_here(away[0])
        elif device.runs and away:
            self._check(name, away, here)
        result = func(*args, **(kwargs or {}))
        for made in tree_leaves(result) if len(here) == len(tensors) else ():
            if isinstance(made, Tensor):
                device.put_here(made)
        return result

    def _check(self, name: str, away: list[Tensor], here: list[Tensor]) -> None:
        masked = name.startswith("index") and any(t.dtype is torch.bool for t in away[1:])
        if name in READING or masked:
            self.device.breach(name)
        if name == "copy_" and here:
            self.device.breach("copying to the host")
        if any(tensor.dim() for tensor in here):
            self.device.breach(f"{name} of tensors on two devices")


def pretend(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Let all tensors lie elsewhere from now on, and watch what our callbacks do with them."""
    device = Elsewhere()
    stand_ins = {"is_here": (later.is_here, device.is_here), "send": (later.send, device.send)}
    ours = [module for name, module in sys.modules.items() if name.startswith("collapse_doctor.")]
    for module in ours:
        for function, (original, stand_in) in stand_ins.items():
            if getattr(module, function, None) is original:
                monkeypatch.setattr(module, function, stand_in)
    depth = _keep(monkeypatch, Guard(device))
    for method in FETCHING:
        monkeypatch.setattr(Tensor, method, _fetching(device, method, depth))
    for function in MAKING:
        monkeypatch.setattr(torch, function, _making(device, function, depth))
    return device


def _keep(monkeypatch: pytest.MonkeyPatch, guard: Guard) -> list[None]:
    """Turn the guard on wherever the user's modes are off; return a list as long as that is deep.

    The hooks ask whether a mode is on, and do nothing then: so it may not be on around them.
    """
    depth: list[None] = []
    enter, leave = Aside.__enter__, Aside.__exit__

    def entered(self: Aside) -> None:
        enter(self)
        guard.__enter__()
        depth.append(None)

    def left(self: Aside, *error: Any) -> None:
        depth.pop()
        guard.__exit__(*error)
        leave(self, *error)

    monkeypatch.setattr(Aside, "__enter__", entered)
    monkeypatch.setattr(Aside, "__exit__", left)
    return depth


def _fetching(device: Elsewhere, method: str, depth: list[None]) -> Callable[..., Any]:
    original = getattr(Tensor, method)

    def fetch(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        if depth and device.runs and not device.is_here(tensor):
            device.breach(method)
        return original(tensor, *args, **kwargs)

    return fetch


def _making(device: Elsewhere, function: str, depth: list[None]) -> Callable[..., Tensor]:
    original = getattr(torch, function)

    def make(*args: Any, **kwargs: Any) -> Tensor:
        made: Tensor = original(*args, **kwargs)
        if depth:
            device.put_here(made)
        return made

    return make
