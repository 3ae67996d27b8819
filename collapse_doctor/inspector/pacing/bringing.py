"""Bringing over what a user handed over: numbers, tensors, or tensors in lists and dicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from collapse_doctor.inspector.pacing.later import Later, is_here

__all__ = ["bring"]

_PLAIN = Tensor.__torch_dispatch__  # of all whose operations are those of their memory


def bring(value: Any, later: Later, then: Callable[[Any], object]) -> None:
    """Let ``then`` have a value once all tensors in it are on the host.

    That is at once if they are. Others are copied where they are, for the user may write into
    them; tensors that are alike, as a label for each row, come over as one.

    Parameters
    ----------
    value
        A tensor, a list, tuple or dict that may hold some, nested as they like; or anything else.
    later
        Where it waits.
    then
        Called with the value, or one built like it whose tensors are on the host.

    Raises
    ------
    TypeError
        For a tensor that is more than its memory: reading one that is sharded over processes
        (DTensor) makes all of them talk to each other, and this one may be alone in asking.
    """
    if not _may_hold_tensors(value):
        then(value)
        return
    leaves, shape = tree_flatten(value)
    for leaf in leaves:
        if isinstance(leaf, Tensor) and type(leaf).__torch_dispatch__ is not _PLAIN:
            raise TypeError(f"expected a plain tensor, got a {type(leaf).__name__}")
    away = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and not is_here(leaf)]
    if not away:
        then(value)
        return
    tensors = [leaves[place].detach() for place in away]
    alike = len({(tensor.shape, tensor.dtype, tensor.device) for tensor in tensors}) == 1
    copies = [torch.stack(tensors)] if alike else [tensor.clone() for tensor in tensors]

    def arrived(values: list[Tensor]) -> None:
        for place, tensor in zip(away, values[0] if alike else values, strict=True):
            leaves[place] = tensor
        then(tree_unflatten(leaves, shape))

    later.put(copies, arrived)


def _may_hold_tensors(value: Any) -> bool:
    """Tell whether to look inside; of many plain numbers the first tells."""
    if isinstance(value, list | tuple):
        return bool(value) and not isinstance(value[0], int | float | str)
    return isinstance(value, Tensor | Mapping)
