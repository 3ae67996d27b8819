"""The parameters of a model, by the block they belong to, in the order of depth."""

from __future__ import annotations

import ast
import functools
import linecache
import weakref
from collections.abc import Collection, Sequence
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from collapse_doctor.inspector.layers import public_name, stages
from collapse_doctor.inspector.outputs import is_plain, local_part
from collapse_doctor.inspector.wiring.unregistered import Hidden
from collapse_doctor.recording.observations import CallSite

__all__ = [
    "Entry",
    "Kept",
    "entries",
    "hidden_entries",
    "made_at",
    "same_shapes",
    "unfrozen_in_vain",
]

MOST_PARTS = 32
"""Parts of a model that are told apart: beyond it, neighbouring blocks are one part."""
MOST_SOURCE = 20_000
"""Lines of a file in which the making of an optimizer is looked for."""


class Entry(NamedTuple):
    """One parameter: its name, itself, and the part it belongs to.

    ``depth`` orders the parts; -1 and ``""`` is what lies in no block.
    """

    name: str
    parameter: nn.Parameter
    part: str
    depth: int

    @property
    def is_freed(self) -> bool:
        """Whether its memory is gone, as FSDP frees that of what it put together for a while."""
        part = local_part(self.parameter)
        return is_plain(part) and part.numel() > 0 and not part.untyped_storage().nbytes()

    @property
    def is_readable(self) -> bool:
        """Whether its memory may be looked at: what this process holds of it is a plain tensor."""
        part = local_part(self.parameter)
        number = part.is_floating_point() or part.is_complex()
        held = number and is_plain(part) and part.numel() > 0
        return held and part.untyped_storage().nbytes() > 0


class Kept(NamedTuple):
    """The same, of a parameter that is held weakly."""

    name: str
    reference: weakref.ref[nn.Parameter]
    part: str
    depth: int

    def entry(self) -> Entry | None:
        """Return the entry, or None if the parameter is gone."""
        parameter = self.reference()
        if parameter is None:
            return None
        return Entry(self.name, parameter, self.part, self.depth)


def entries(model: nn.Module) -> list[Entry]:
    """Return the parameters of a model, each once, without those yet to be made."""
    blocks = stages(model)
    width = max(1, -(-len(blocks) // MOST_PARTS))
    place: dict[int, int] = {}
    for index, block in enumerate(blocks):
        for own in block.module.parameters():
            place.setdefault(id(own), index // width)
    found = []
    # torch.func puts results of operations in the place of parameters for a while: asked for their
    # gradient, they warn.
    made = [(name, p) for name, p in model.named_parameters() if p.is_leaf and not is_lazy(p)]
    for name, parameter in made:
        depth = place.get(id(parameter), -1)
        part = blocks[depth * width].name if depth >= 0 else ""
        found.append(Entry(public_name(name), parameter, part, depth))
    return found


def hidden_entries(hidden: Sequence[Hidden], known: Sequence[Entry]) -> list[Entry]:
    """Return the parameters of modules that a model does not know to be its own.

    Those in eval mode are left out: a network kept from the model on purpose, as a fixed teacher.
    """
    taken = {id(entry.parameter) for entry in known}
    found = []
    for one in hidden:
        for name, parameter in one.module.named_parameters() if one.module.training else ():
            if id(parameter) not in taken and parameter.is_leaf and not is_lazy(parameter):
                taken.add(id(parameter))
                found.append(Entry(f"{one.name}.{name}", parameter, "", -1))
    return found


def unfrozen_in_vain(model: nn.Module) -> str:
    """Return a module on which ``requires_grad`` was set as an attribute, to no effect, or "".

    A module has no such attribute, only the method ``requires_grad_``: who sets it meant that
    method, and parameters that were frozen before stay so.
    """
    for name, module in model.named_modules():
        if module.__dict__.get("requires_grad") is True:
            own = list(module.parameters())
            if own and not any(parameter.requires_grad for parameter in own):
                return public_name(name) or "."
    return ""


def same_shapes(optimizer: Optimizer, wanted: Sequence[Tensor], known: Collection[int]) -> bool:
    """Tell whether an optimizer holds a parameter of the shape of each of the wanted ones.

    As it does when it was made for another copy of the model. Parameters whose id is ``known``
    are not counted. A single shape may be anybody's.
    """
    held = [p for group in optimizer.param_groups for p in group["params"] if id(p) not in known]
    shapes = [tuple(p.shape) for p in held]
    if len(wanted) < 2:
        return False
    for tensor in wanted:
        if tuple(tensor.shape) not in shapes:
            return False
        shapes.remove(tuple(tensor.shape))
    return True


def made_at(optimizer: str, step: CallSite | None) -> CallSite | None:
    """Return the line that made an optimizer, if its file has one call only of that class.

    Parameters
    ----------
    optimizer
        The name of its class.
    step
        Where it took a step: the file that is read.
    """
    if step is None:
        return None
    lines = _calls(tuple(linecache.getlines(step.file)[:MOST_SOURCE])).get(optimizer, [])
    if len(lines) != 1:
        return None
    text = linecache.getline(step.file, lines[0]).strip()
    return CallSite(step.file, lines[0], source=text)


@functools.lru_cache(maxsize=16)
def _calls(lines: tuple[str, ...]) -> dict[str, list[int]]:
    """Return the lines of all calls in a source, by the last name of what is called."""
    found: dict[str, list[int]] = {}
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found.setdefault(name, []).append(node.lineno)
    return found
