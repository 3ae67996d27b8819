"""The head of a recording: what was watched, and what in it is one."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from collapse_doctor.recording.observations.places import CallSite, Role

__all__ = ["FORMAT_VERSION", "LayerInfo", "Manifest", "ModelInfo", "Sharing"]

FORMAT_VERSION = 1


class LayerInfo(Struct, frozen=True, gc=False):
    """A watched layer. ``depth`` orders the layers from input (0) to output."""

    name: str
    kind: str
    role: Role
    depth: int


class ModelInfo(Struct, frozen=True, gc=False):
    """A watched model and the layers of it that are watched.

    ``fresh`` is true when its weights were as PyTorch draws them when the watch began. ``tables``
    are the shapes of what rows are looked up in: embeddings, and matrices that no layer multiplies
    by.
    """

    name: str
    kind: str
    parameters: int
    layers: tuple[LayerInfo, ...]
    fresh: bool = False
    tables: tuple[tuple[int, int], ...] = ()


class Sharing(Struct, frozen=True, gc=False):
    """Two or more names in the watched models that hold one network, or all its parameters.

    ``kind`` says what the names are: models of the watch, entries of one container, parts of
    one model of which one is named as a copy (a teacher), or parts made by one default argument.
    ``names`` begin with the model's; ``owner`` is what holds them: a container or a model.
    ``copied`` is true for objects of their own over the same parameters (``copy.copy``) or their
    memory (``t.data = s.data``). ``role`` is ``"copy"`` where a name says that one is to be the
    other's slow or frozen copy, ``"key"`` where it may be. ``site`` is the line that wrote it,
    where one was found; ``meant`` is true where that line speaks of sharing, or uses a part again
    on purpose. ``step`` is the first at which it was so.
    """

    kind: Literal["models", "container", "parts", "default"]
    names: tuple[str, ...]
    module: str
    parameters: int
    owner: str = ""
    copied: bool = False
    role: Literal["", "copy", "key"] = ""
    site: CallSite | None = None
    meant: bool = False
    step: int = 0


class Manifest(Struct, frozen=True, gc=False):
    """The head of a recording: what was watched, by which versions, and what in it is one."""

    format: int
    created: str
    versions: dict[str, str]
    models: tuple[ModelInfo, ...]
    shared: tuple[Sharing, ...] = ()
