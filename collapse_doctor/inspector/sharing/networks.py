"""Names in the watched models that hold one network: looked for once, when the watch begins.

Weights are tied on purpose in many ways: one encoder for both sides, an embedding and its output
head, one layer in a loop. None of these puts one module where several are listed, nor calls it its
own teacher; and only those two, and two watched models that are one, are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import combinations
from types import FrameType
from typing import Literal, NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from collapse_doctor.inspector.comparing.roles import Part, is_copy_of, part_of
from collapse_doctor.inspector.layers import public_kind, public_name
from collapse_doctor.inspector.sharing.defaults import defaults
from collapse_doctor.inspector.sharing.handed import line_of_handed
from collapse_doctor.inspector.sharing.lines import (
    Written,
    line_of_assigned_memory,
    line_of_copy,
    line_of_part,
    line_of_repeat,
)
from collapse_doctor.inspector.sharing.memory import Suspect, are_one_memory
from collapse_doctor.recording.observations import Sharing

__all__ = ["find_shared", "find_suspects"]

Kind = Literal["models", "container", "parts", "default"]

MOST_NAMES = 20_000
"""Names of modules that are looked through."""

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class _Named(NamedTuple):
    """One name of a module, and what holds it."""

    name: str
    module: nn.Module
    owner: nn.Module


class _Apart(NamedTuple):
    """Two networks that are named as two."""

    kind: Kind
    names: tuple[str, str]
    left: nn.Module
    right: nn.Module
    owner: str


def find_shared(models: Mapping[str, nn.Module], frame: FrameType | None) -> tuple[Sharing, ...]:
    """Return what is one thing under several names though names or structure say otherwise.

    Parameters
    ----------
    models
        The watched models by name, as they were given.
    frame
        The user's frame that began the watch, to look for the line that wrote it.
    """
    found = [*_models(models, frame), *(one.said() for one in _suspects(models, frame, one=True))]
    found += _rebuilt(models, frame)
    names: list[_Named] = []
    for name, model in models.items():
        named = list(_names(model))
        found += _repeated(name, model, named, frame)
        found += _parts(name, named, frame)
        names += (each._replace(name=f"{name}.{each.name}") for each in named)
    made = list(_by_default(names, frame))
    told = {tuple(name.partition(".")[0] for name in one.names) for one in made}
    return (*made, *(one for one in found if one.kind != "models" or one.names not in told))


def find_suspects(models: Mapping[str, nn.Module], frame: FrameType | None) -> list[Suspect]:
    """Return the networks of which one may be put over the memory of the other later on."""
    return list(_suspects(models, frame, one=False))


def _suspects(
    models: Mapping[str, nn.Module], frame: FrameType | None, *, one: bool
) -> Iterator[Suspect]:
    """Yield pairs that are alike, and named as two: those that are one memory, or those apart."""
    for kind, names, left, right, owner in _named_apart(models):
        if _are_alike(left, right) and are_one_memory(left, right) is one:
            yield Suspect(left, right, partial(_in_memory, kind, names, left, owner, frame))


def _rebuilt(models: Mapping[str, nn.Module], frame: FrameType | None) -> Iterator[Sharing]:
    """Yield parts of which one is named as a copy, and was built anew of the other's very layers.

    ``nn.Sequential(*layers)`` twice gives two containers, and one set of weights.
    """
    for kind, names, left, right, owner in _named_apart(models):
        if kind != "parts" or left is right or _identity(left) == _identity(right):
            continue  # one module: told elsewhere
        if _holds(left, right) or _holds(right, left) or not _has_weights(left):
            continue
        if isinstance(left, nn.Embedding):  # a table is tied on purpose
            continue
        weights = [list(map(id, part.parameters())) for part in (left, right)]
        if weights[0] == weights[1]:
            copy = names[1].rpartition(".")[2]
            written = line_of_part(copy, _owner(models, names[1]), frame)
            yield _sharing(kind, names, left, written, owner, copied=True)


def _owner(models: Mapping[str, nn.Module], name: str) -> nn.Module:
    """Return the module that holds a part of a watched model, by the part's full name."""
    model, _, path = name.partition(".")
    return models[model].get_submodule(path.rpartition(".")[0])


def _named_apart(models: Mapping[str, nn.Module]) -> Iterator[_Apart]:
    """Yield pairs of watched models, and parts of one model of which one is named as a copy."""
    for (first, left), (second, right) in combinations(models.items(), 2):
        yield _Apart("models", (first, second), left, right, "")
    for name, model in models.items():
        named = list(_names(model))
        for copy in (one for one in named if part_of(one.name) == "copy"):
            for source in (one for one in named if one.owner is copy.owner):
                if is_copy_of(copy.name, source.name):
                    names = (_join(name, source.name), _join(name, copy.name))
                    yield _Apart("parts", names, source.module, copy.module, name)


def _in_memory(
    kind: Kind, names: tuple[str, str], module: nn.Module, owner: str, frame: FrameType | None
) -> Sharing:
    return _sharing(kind, names, module, line_of_assigned_memory(frame), owner, copied=True)


def _are_alike(one: nn.Module, other: nn.Module) -> bool:
    """Tell whether two networks have matrices of the same shapes, and are no one network."""
    if one is other or _identity(one) == _identity(other) or not _has_weights(one):
        return False
    left, right = list(one.parameters()), list(other.parameters())
    if len(left) != len(right) or any(map(is_lazy, left)) or any(map(is_lazy, right)):
        return False
    if any(a is b for a, b in zip(left, right, strict=True)):
        return False
    return all(a.shape == b.shape for a, b in zip(left, right, strict=True))


def _by_default(named: list[_Named], frame: FrameType | None) -> Iterator[Sharing]:
    """Yield parts of several owners that are one because they are the default of an argument."""
    places: dict[int, list[_Named]] = {}
    for one in named:
        places.setdefault(id(one.module), []).append(one)
    for default in defaults((one.module for one in _whole(named)), frame):
        held = places.get(id(default.module), [])
        owners = {id(one.owner) for one in held}
        if len(owners) > 1 and _has_weights(default.module):
            names = tuple(_join(one.name) for one in held)
            yield _sharing("default", names, default.module, default.written, "", False)


def _whole(named: list[_Named]) -> Iterator[_Named]:
    """Yield the owners as well: a watched model is no part of anything."""
    yield from named
    yield from (one._replace(module=one.owner) for one in named)


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
        if copied and written.site is None:
            written = line_of_handed((first, second), (one, other), frame)
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
    role = _role(*names[:2]) if kind in ("models", "parts") else ""
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
