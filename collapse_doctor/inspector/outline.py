"""What is watched, as the head of a recording tells it: models, layers, outputs as they appear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from torch import nn

from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.about import describe
from collapse_doctor.inspector.layers import Layer
from collapse_doctor.recording.observations import Manifest, Role, Sharing

__all__ = ["Outline", "checked"]


class Outline:
    """Knows the watched models and layers, and what became known of them while watching.

    Attributes
    ----------
    doubles
        Blocks, by model and name, whose output is the model's own: one thing, told under one name.
    """

    def __init__(
        self, models: Mapping[str, nn.Module], blocks: Mapping[str, Sequence[Layer]], role: Role
    ) -> None:
        self.doubles: set[tuple[str, str]] = set()
        self._models = models
        self._blocks = blocks
        self._role = role
        self._outputs: dict[str, list[str]] = {name: [] for name in models}
        self._fresh: set[str] = set()
        self._shared: tuple[Sharing, ...] = ()

    def returned(self, model: str, output: str) -> bool:
        """Take note of an embedding that a model returned; tell whether it is a new one."""
        known = self._outputs[model]
        if output in known:
            return False
        known.append(output)
        return True

    def found_fresh(self, model: str) -> None:
        """Take note of a model whose weights were as PyTorch draws them."""
        self._fresh.add(model)

    def found_shared(self, shared: tuple[Sharing, ...], *, step: int = 0) -> None:
        """Take note of names that hold one network, seen first at ``step``."""
        self._shared += tuple(msgspec.structs.replace(one, step=step) for one in shared)

    def manifest(self) -> Manifest:
        """Return the head of the recording, as far as is known now."""
        blocks = {
            model: [layer for layer in layers if (model, layer.name) not in self.doubles]
            for model, layers in self._blocks.items()
        }
        head = describe(self._models, blocks, self._outputs, self._role, self._fresh)
        return msgspec.structs.replace(head, shared=self._shared)


def checked(models: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Return the models if they are some.

    Raises
    ------
    UsageError
        For something that is no module, and for none at all.
    """
    for name, model in models.items():
        if not isinstance(model, nn.Module):
            raise UsageError(
                "an nn.Module, or a dict of names to nn.Modules",
                f"{type(model).__name__} for {name!r}",
                where="Inspector",
                remedy="pass the module you train",
            )
    if not models:
        raise UsageError(
            "at least one model", "an empty dict", where="Inspector", remedy="pass the module"
        )
    return dict(models)
