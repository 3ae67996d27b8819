"""Which layers of a model are watched."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from torch import nn

from collapse_doctor.errors import UsageError

__all__ = ["Layer", "choose", "choose_all", "public_kind", "public_name", "stages"]

MOST_BLOCKS = 12
"""Enough to say in which part of a model rank is lost, few enough to read in one chart."""

_WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})

# Layers without parameters that only rearrange or silence what another layer computed.
_IDLE = (nn.Identity, nn.Dropout, nn.Flatten, nn.Unflatten)


class Layer(NamedTuple):
    """A module to watch, under the name its owner calls it by."""

    name: str
    module: nn.Module


def public_name(name: str) -> str:
    """Strip what wrappers (DDP, FSDP, compile, checkpoint) add to a module's name."""
    parts = [part for part in name.split(".") if part not in _WRAPPERS]
    if len(parts) > 1 and parts[0] == "module":  # DDP's and DataParallel's; inside, a user's own
        parts = parts[1:]
    return ".".join(parts)


def public_kind(module: nn.Module) -> str:
    """Return the name of a module's class as its owner wrote it.

    ``fully_shard`` puts ``FSDPModule`` before the class, and its name with it.
    """
    first, *rest = (base.__name__ for base in type(module).__bases__)
    return rest[0] if rest and first == "FSDPModule" else type(module).__name__


def choose(model: nn.Module, wanted: Sequence[str | nn.Module] | None) -> list[Layer]:
    """Return the inner layers to watch, in the model's own order; its outputs always are.

    Parameters
    ----------
    model
        The watched model.
    wanted
        Names, glob patterns (``"encoder.layer.*"``) or modules of the model; None for its main
        blocks.

    Raises
    ------
    UsageError
        A name or pattern that matches nothing, or a module that is not part of the model.
    """
    if wanted is None:
        return list(_main_blocks(model))
    chosen: dict[nn.Module, str] = {}
    for item in wanted:
        for layer in _matching(model, item):
            chosen.setdefault(layer.module, layer.name)
    order = {module: index for index, module in enumerate(model.modules())}
    return [
        Layer(name, module) for module, name in sorted(chosen.items(), key=lambda p: order[p[0]])
    ]


def choose_all(
    models: Mapping[str, nn.Module], wanted: Sequence[str | nn.Module] | None
) -> dict[str, list[Layer]]:
    """Choose the layers of several models; each item must match in at least one of them."""
    if wanted is None or len(models) == 1:
        return {name: choose(model, wanted) for name, model in models.items()}
    chosen: dict[str, list[Layer]] = {name: [] for name in models}
    for item in wanted:
        failures = []
        for name, model in models.items():
            try:
                chosen[name] += choose(model, [item])
            except UsageError as error:
                failures.append(error)
        if len(failures) == len(models):
            raise failures[0]
    return chosen


def _matching(model: nn.Module, item: str | nn.Module) -> list[Layer]:
    named = [Layer(public_name(name), module) for name, module in _inner(model)]
    if isinstance(item, nn.Module):
        found = [layer for layer in named if layer.module is item]
        label = type(item).__name__
    else:
        found = [layer for layer in named if fnmatch.fnmatchcase(layer.name, item)]
        label = item
    if not found and item is not model:
        names = [layer.name for layer in named]
        near = difflib.get_close_matches(label, names, n=3) or names[:3]
        raise UsageError(
            "layers to be names, patterns or modules of the model",
            f"{label!r}, which matches none of its {len(names)} modules",
            where="layers",
            remedy=f"use one such as {', '.join(near)}" if near else "leave layers out",
        )
    return found


def _inner(
    module: nn.Module, prefix: str = "", above: tuple[nn.Module, ...] = ()
) -> Iterator[tuple[str, nn.Module]]:
    """Yield every module inside another under each of its names, of which a shared one has more.

    ``named_modules(remove_duplicate=False)`` would not return from a module that holds its parent.
    """
    for name, child in module._modules.items():
        if child is not None and child is not module and child not in above:
            yield f"{prefix}{name}", child
            yield from _inner(child, f"{prefix}{name}.", (*above, module))


def _main_blocks(model: nn.Module) -> Iterator[Layer]:
    """Yield some of the stages of a model, evenly spread over its depth."""
    busy = stages(model)
    stride = max(1, -(-len(busy) // MOST_BLOCKS))
    # Counting from the end keeps the last block, whose output is nearest to the embedding.
    yield from busy[::-1][::stride][::-1]


def stages(model: nn.Module) -> list[Layer]:
    """Return the stages a reader would name: the children, with containers opened once."""
    prefix = ""
    children = dict(model.named_children())
    while len(children) == 1:  # a wrapper, or a class that holds one Sequential
        name, only = next(iter(children.items()))
        prefix, children = f"{prefix}{name}.", dict(only.named_children())
    blocks: list[Layer] = []
    for name, child in children.items():
        if isinstance(child, nn.ModuleList | nn.Sequential) and len(child) > 1:
            blocks += [Layer(f"{prefix}{name}.{i}", part) for i, part in child.named_children()]
        elif not isinstance(child, nn.ModuleList | nn.ModuleDict | nn.ParameterList):
            blocks.append(Layer(f"{prefix}{name}", child))
    return [Layer(public_name(b.name), b.module) for b in blocks if _computes(b.module)]


def _computes(module: nn.Module) -> bool:
    has_parameters = next(module.parameters(), None) is not None
    return has_parameters and not isinstance(module, _IDLE)
