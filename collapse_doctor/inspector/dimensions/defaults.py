"""Cosines along the second of three dimensions, which is the default and was not written.

``F.cosine_similarity(a, b)`` is right for rows (n, d) and for maps (n, c, l). Of sequences
(n, t, d) or (t, n, d) it compares, for each feature, steps with steps or samples with samples.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from types import FrameType
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.comparing.vocabulary import COMPARATORS
from collapse_doctor.inspector.dimensions.batchfirst import Told, is_centred
from collapse_doctor.inspector.dimensions.features import has_features_last
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import call_at, tree_of, user_frame
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import AlongBatch

__all__ = ["DEFAULTING", "Defaults"]

DEFAULTING: frozenset[Callable[..., Any]] = frozenset({F.cosine_similarity})
"""What compares along ``dim=1`` unless it is told otherwise; ``torch``'s is the same object."""
_MODULE = "CosineSimilarity"


class Defaults:
    """Tells of outputs with features last that were compared along the default dimension.

    What is compared along its features as well is compared both ways on purpose; so is a
    correlation, of what was centred.
    """

    def __init__(self, provenance: Provenance, later: Later, told: Told) -> None:
        self._provenance = provenance
        self._later = later
        self._told = told
        self._ways: Trail[set[int]] = Trail()

    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in :data:`DEFAULTING`."""
        operands = COMPARATORS[func].bind(args, kwargs)
        tensors = [one for one in operands if isinstance(one, Tensor) and one.dim() == 3]
        if len(tensors) < 2 or tensors[0].shape != tensors[1].shape or min(tensors[0].shape) < 2:
            return
        known = [self._provenance.of(one) for one in tensors]
        if known[0] is None or known[1] is None or not getattr(result, "requires_grad", False):
            return
        ways = [self._ways_of(one) for one in tensors]
        for way in ways:
            way.add(COMPARATORS[func].feature_dim(args, kwargs) % 3)
        if ways[0] != {1} or any(one is not None and is_centred(one) for one in known):
            return
        frame = user_frame()
        if frame is None or not _is_by_default(frame, args, kwargs):
            return
        if not any(has_features_last(one) for one in tensors):
            return
        told = self._told.described(func, "default", tensors[0], COMPARATORS[func].operands)
        if told is not None:
            self._later.put([], functools.partial(self._judge, told, known[0], ways))

    def sweep(self) -> None:
        """Forget what no longer exists."""
        self._ways.sweep()

    def _judge(
        self, told: AlongBatch, known: Known, ways: list[set[int]], _values: list[Tensor]
    ) -> None:
        """Tell it unless they were compared along another dimension as well, until now."""
        if all(way == {1} for way in ways):
            self._told.tell(told, known)

    def _ways_of(self, tensor: Tensor) -> set[int]:
        ways = self._ways.of(tensor)
        if ways is None:
            ways = set()
            self._ways.put(tensor, ways)
        return ways


def _is_by_default(frame: FrameType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Tell whether nobody wrote a dimension: neither in the call, nor where its module was made.

    ``nn.CosineSimilarity`` passes on its own; whether it was given any is read in the user's file.
    """
    if len(args) < 3 and "dim" not in kwargs:
        return True
    node = call_at(frame)
    name = _name_of(node) if isinstance(node, ast.Call) else "cosine_similarity"
    return name != "cosine_similarity" and _makes_default_modules(frame)


@reading(bool)
def _makes_default_modules(frame: FrameType) -> bool:
    tree = tree_of(frame)
    return tree is not None and _are_default(tree)


@functools.lru_cache(maxsize=16)
def _are_default(tree: ast.Module) -> bool:
    """Tell whether a file makes modules of cosines, and none of them with a dimension."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call for call in calls if _name_of(call) == _MODULE]
    keywords = [{word.arg for word in call.keywords} for call in made]
    return bool(made) and not any(
        call.args or not words <= {"eps"} for call, words in zip(made, keywords, strict=True)
    )


def _name_of(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]
