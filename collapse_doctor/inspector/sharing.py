"""Names in the watched models that hold one network: looked for once, when the watch begins.

Weights are tied on purpose in many ways: one encoder for both sides, an embedding and its output
head, one layer in a loop. None of these puts one module where several are listed, nor calls it its
own teacher; and only those two, and two watched models that are one, are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from types import FrameType
from typing import Literal, NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from collapse_doctor.inspector.layers import public_kind, public_name
from collapse_doctor.inspector.roles import Part, is_copy_of
from collapse_doctor.inspector.sharing_lines import Written, line_of_copy, line_of_repeat
from collapse_doctor.recording.observations import Sharing

__all__ = ["find_shared"]

Kind = Literal["models", "container", "parts"]

MOST_NAMES = 20_000
"""Names of modules that are looked through."""

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class _Named(NamedTuple):
    """One name of a module, and what holds it."""

    name: str
    module: nn.Module
    owner: nn.Module


def find_shared(models: Mapping[str, nn.Module], frame: FrameType | None) -> tuple[Sharing, ...]:
    """Return what is one thing under several names though names or structure say otherwise.

    Parameters
    ----------
    models
        The watched models by name, as they were given.
    frame
        The user's frame that began the watch, to look for the line that wrote it.
    """
    found = [*_models(models, frame)]
    for name, model in models.items():
        named = list(_names(model))
        found += _repeated(name, model, named, frame)
        found += _parts(name, named, frame)
    return tuple(found)


def _models(models: Mapping[str, nn.Module], frame: FrameType | None) -> Iterator[Sharing]:
    """Yield pairs of watched models with the very same parameters, but not a part and its whole."""
    weights = {name: frozenset(map(id, model.parameters())) for name, model in models.items()}
    for (first, one), (second, other) in combinations(models.items(), 2):
        if not weights[first] or weights[first] != weights[second]:
            continue
        if one is not other and (_holds(one, other) or _holds(other, one)):
            continue
        written = line_of_copy((first, second), None, frame)
        copied = one is not other
        yield _sharing("models", (first, second), one, written, "", copied)


def _repeated(
    model: str, whole: nn.Module, named: list[_Named], frame: FrameType | None
) -> Iterator[Sharing]:
    """Yield containers that hold one module with weights several times."""
    seen: set[int] = set()
    for name, module, owner in (_Named("", whole, whole), *named):
        if not isinstance(module, _CONTAINERS) or id(module) in seen:
            continue
        seen.add(id(module))
        several = list(_several(module))
        # Several that take turns are a pattern somebody thought of.
        if not several or (len(several) > 1 and not isinstance(module, nn.Sequential)):
            continue
        for group in several:
            names = tuple(_join(model, name, key) for key, _ in group)
            written = line_of_repeat(name.rpartition(".")[2], owner, frame)
            copied = any(child is not group[0][1] for _, child in group)
            yield _sharing("container", names, group[0][1], written, _join(model, name), copied)


def _several(container: nn.Module) -> Iterator[list[tuple[str, nn.Module]]]:
    """Yield the entries of a container that are one module, with their keys."""
    groups: dict[tuple[int, int], list[tuple[str, nn.Module]]] = {}
    for key, child in container._modules.items():
        if child is not None:
            groups.setdefault(_identity(child), []).append((key, child))
    for group in groups.values():
        if len(group) > 1 and _has_weights(group[0][1]):
            yield group


def _parts(model: str, named: list[_Named], frame: FrameType | None) -> Iterator[Sharing]:
    """Yield parts of a model of which one is named as the copy of another, and is that other."""
    groups: dict[tuple[int, int], list[_Named]] = {}
    for one in named:
        groups.setdefault(_identity(one.module), []).append(one)
    for group in groups.values():
        table = isinstance(group[0].module, nn.Embedding)
        for one, other in combinations(group, 2) if len(group) > 1 and not table else ():
            if _role(one.name, other.name) and _has_weights(one.module):
                names = (_join(model, one.name), _join(model, other.name))
                written = line_of_copy((one.name, other.name), one.owner, frame)
                copied = one.module is not other.module
                yield _sharing("parts", names, one.module, written, model, copied)
                break


def _sharing(
    kind: Kind,
    names: tuple[str, ...],
    module: nn.Module,
    written: Written,
    owner: str,
    copied: bool,
) -> Sharing:
    parameters = sum(p.numel() for p in module.parameters() if not is_lazy(p))
    role = _role(*names[:2]) if kind != "container" else ""
    what = public_kind(module)
    return Sharing(
        kind,
        names,
        what,
        parameters,
        owner,
        copied,
        role,
        written.site,
        written.meant,
    )


def _role(one: str, other: str) -> Part:
    return is_copy_of(one, other) or is_copy_of(other, one)


def _names(module: nn.Module) -> Iterator[_Named]:
    """Yield every name of every module inside another, never entering one from inside itself."""
    count = 0
    waiting: list[tuple[str, nn.Module, tuple[nn.Module, ...]]] = [("", module, ())]
    while waiting and count < MOST_NAMES:
        prefix, owner, above = waiting.pop()
        for name, child in owner._modules.items():
            if child is None or child is owner or any(child is one for one in above):
                continue
            count += 1
            yield _Named(f"{prefix}{name}", child, owner)
            waiting.append((f"{prefix}{name}.", child, (*above, owner)))


def _identity(module: nn.Module) -> tuple[int, int]:
    """Return what a module shares with a shallow copy of itself, and with nothing else."""
    own = vars(module)  # a scripted module makes a new dictionary each time it is asked
    if "_parameters" not in own or "_modules" not in own:
        return id(module), 0
    return id(own["_parameters"]), id(own["_modules"])


def _has_weights(module: nn.Module) -> bool:
    """Tell whether a module holds a matrix or statistics of a batch, and not a mere scale."""
    matrices = any(is_lazy(p) or p.dim() > 1 for p in module.parameters())
    return matrices or any(isinstance(part, _BatchNorm) for part in module.modules())


def _holds(whole: nn.Module, part: nn.Module) -> bool:
    return any(module is part for module in whole.modules())


def _join(*parts: str) -> str:
    return public_name(".".join(part for part in parts if part))
