"""Copying a model so that the copy can be run and nothing of the original is touched.

Running the model itself and putting everything back would mean to know all that a forward pass
may change: buffers, modes, counters in plain attributes, lists, queues, whatever a class keeps. It
would also raise the version of every buffer put back, for which autograd refuses a backward pass
that is still to come; and an interrupt at the wrong moment would leave it half done. A copy has
none of that. What cannot be copied is not tested, and that is said.
"""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import module as registries
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from collapse_doctor.inspector.compiler.compiled import is_compiled
from collapse_doctor.inspector.hooks import ForwardHook
from collapse_doctor.inspector.outputs import is_plain

__all__ = ["copied", "loose_tensors", "obstacle"]

DEEPEST = 4
MOST_ITEMS = 1_000

_SHARED = (Optimizer, DataLoader, Dataset)
"""What a forward pass has no business with, and what may be as large as the model or larger."""

_REMADE = ("_compiled_call_impl", "forward", "__call__")
"""Attributes that copies of compiled modules do without, or make anew."""

_GLOBAL = ("_global_forward_hooks", "_global_forward_pre_hooks")


def copied(model: nn.Module) -> tuple[nn.Module, dict[int, Any]]:
    """Return a copy of a model, and what each part was copied to by the ``id`` of the original.

    Hooks of ours come along as stand-ins that do nothing. Raises what copying raises.
    """
    memo = loose_tensors(*(vars(module) for module in model.modules()))
    for module in model.modules():
        held = (value for value in vars(module).values() if isinstance(value, _SHARED))
        memo |= {id(value): value for value in held}
    own = copy.deepcopy(model, memo)
    if _parts(own) & _parts(model):
        raise ValueError("a part of it is its own copy")
    return own, memo


def _parts(model: nn.Module) -> set[int]:
    return set(map(id, chain(model.modules(), model.parameters(), model.buffers())))


def obstacle(model: nn.Module) -> str:
    """Return why a copy of ``model`` would not be the model, or would touch it; "" if it is one."""
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        if is_lazy(tensor):
            return f"`{name}` is not built yet: no forward pass was made"
        if not is_plain(tensor):
            return f"`{name}` is no plain tensor, and cannot be copied safely"
    if any(getattr(registries, name) for name in _GLOBAL):
        return "hooks on all modules of the process are registered, which would see its passes"
    own = set(map(id, model.modules()))
    for name, module in model.named_modules():
        hooks = chain(module._forward_hooks.values(), module._forward_pre_hooks.values())
        at = f"`{name}`" if name else "the model"
        if any(not _stays_inside(hook, own) for hook in hooks):
            return f"{at} has a forward hook of yours, which would see its passes"
        remade = _REMADE if is_compiled(module) else ()
        if any(_reaches_out(value) for key, value in vars(module).items() if key not in remade):
            return f"{at} holds a function around the model, which a copy would call"
    return ""


def _stays_inside(hook: Any, modules: set[int]) -> bool:
    """Tell whether a hook, copied with its module, acts on nothing outside of the copy.

    Functions are not copied: one of the user's may write into a list of the training's.
    """
    while isinstance(hook, functools.partial):
        hook = hook.func
    if isinstance(hook, types.MethodType):
        return id(hook.__self__) in modules
    home = hook if isinstance(hook, types.FunctionType) else type(hook)
    ours = isinstance(hook, ForwardHook)
    return ours or id(hook) in modules or home.__module__.partition(".")[0] == "torch"


def _reaches_out(value: Any) -> bool:
    """Tell whether an attribute is a function around a module: in a copy it is the same function.

    ``torch.compiler.disable`` and those who replace ``forward`` of one module leave such.
    """
    while isinstance(value, functools.partial):
        value = value.func
    if not isinstance(value, types.FunctionType):
        return False
    held = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
    held += [one.__self__ for one in held if isinstance(one, types.MethodType)]
    return any(isinstance(one, nn.Module | Tensor) for one in held)


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  (an empty one raises)
    except ValueError:
        return False
    return True


def loose_tensors(*held: Any) -> dict[int, Any]:
    """Return copies, by ``id``, of the tensors inside a graph among what is ``held``.

    ``deepcopy`` refuses those. A model keeps such a tensor where it remembers its last output, or
    computes a weight anew in each pass.
    """
    return {
        id(tensor): tensor.detach().clone()
        for tensor in _tensors(held)
        if not tensor.is_leaf and is_plain(tensor)
    }


def _tensors(held: Iterable[Any], depth: int = 0) -> Iterator[Tensor]:
    for value in held:
        if isinstance(value, Tensor):
            yield value
        elif depth < DEEPEST and isinstance(value, list | tuple | set | Mapping):
            inner = value.values() if isinstance(value, Mapping) else value
            if len(value) <= MOST_ITEMS:
                yield from _tensors(list(inner), depth + 1)
