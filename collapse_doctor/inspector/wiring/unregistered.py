"""Modules that a model keeps where PyTorch does not find them: in lists, tuples and dicts.

``model.parameters()`` has none of theirs, so no optimizer made from it moves them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import nn

__all__ = ["Hidden", "find_hidden"]

MOST_LISTED = 256
"""Things in one container that are looked at."""


class Hidden(NamedTuple):
    """A module in a plain container: its name, itself, what holds the container, and as what."""

    name: str
    module: nn.Module
    owner: nn.Module
    attribute: str


def find_hidden(model: nn.Module) -> list[Hidden]:
    """Return the modules of a model that it keeps in plain containers, those of its parts too.

    What is registered beside, in any place of the model, is no secret.
    """
    known = {id(module) for module in model.modules()}
    found: dict[int, Hidden] = {}
    for prefix, owner in model.named_modules():
        for attribute, value in vars(owner).items():
            if attribute in _OWN or not isinstance(value, list | tuple | dict):
                continue
            for place, module in _modules(value):
                if id(module) not in known:
                    name = f"{prefix}.{attribute}".lstrip(".") + place
                    found.setdefault(id(module), Hidden(name, module, owner, attribute))
    return list(found.values())


_OWN = frozenset(vars(nn.Module()))


def _modules(value: Any) -> Iterator[tuple[str, nn.Module]]:
    # Only plain containers are opened: going through others could run the user's code.
    if type(value) is dict:
        items = list(value.items())[:MOST_LISTED]
    elif type(value) in (list, tuple):
        items = list(enumerate(value[:MOST_LISTED]))
    else:
        return
    for key, one in items:
        if isinstance(one, nn.Module):
            yield f"[{key!r}]", one
