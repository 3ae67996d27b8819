"""Leaving a process as it was: random numbers, and the switches a forward pass may turn."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch

__all__ = ["undisturbed"]

_DEVICES = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Compute without gradients from a random state of its own, and put back what was there.

    Holds for the generators of torch (CPU, and CUDA and MPS where they are in use), NumPy and
    ``random``, for gradients, autocast and the default dtype, also when the block raises. What is
    compiled runs as it is written: a call of another shape would be compiled anew. Warnings are
    not shown, for a user who sees one would look for it in the training.

    Parameters
    ----------
    seed
        What all generators are seeded with.
    """
    with ExitStack() as last, warnings.catch_warnings(), _eager():
        for put_back in _states():
            last.callback(put_back)
        warnings.simplefilter("ignore")
        _seed(seed)
        with torch.no_grad():
            yield


def _states() -> Iterator[Callable[[], Any]]:
    """Yield what puts back each state that is found now."""
    yield partial(torch.set_rng_state, torch.get_rng_state())
    for kind in _in_use():
        yield partial(kind.set_rng_state_all, kind.get_rng_state_all())
    if torch.backends.mps.is_available():
        yield partial(torch.mps.set_rng_state, torch.mps.get_rng_state())
    yield partial(np.random.set_state, np.random.get_state())
    yield partial(random.setstate, random.getstate())
    yield partial(torch.set_grad_enabled, torch.is_grad_enabled())
    yield partial(torch.set_default_dtype, torch.get_default_dtype())
    for device in _DEVICES:
        yield partial(torch.set_autocast_enabled, device, torch.is_autocast_enabled(device))


def _seed(seed: int) -> None:
    """Seed all generators; ``torch.manual_seed`` would also seed devices that are used later."""
    torch.default_generator.manual_seed(seed)
    for kind in _in_use():
        kind.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _in_use() -> list[Any]:
    """Return the kinds of devices that this process has begun to use."""
    kinds: list[Any] = [torch.cuda, torch.xpu]
    return [kind for kind in kinds if kind.is_initialized()]


def _eager() -> Any:
    """Return a context in which nothing is compiled; nothing is imported for it."""
    return (
        torch.compiler.set_stance("force_eager") if _is_loaded("torch._dynamo") else nullcontext()
    )


def _is_loaded(module: str) -> bool:
    return module in sys.modules
