"""What the name of a network says of its part: a teacher is no other name for its student."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Part", "is_copy_of", "part_of"]

Part = Literal["copy", "key", ""]
"""``copy``: a network that is to be another one's slow or frozen copy; ``key``: one that may be,
but is a second name of its partner in tied retrieval models as well."""

_COPIES = frozenset(
    {"teacher", "target", "ema", "momentum", "slow", "shadow", "averaged", "reference", "ref"}
)
_KEYS = frozenset({"key", "k"})
_SOURCES = frozenset({"source", "src"})


def part_of(name: str) -> Part:
    """Return what the last part of a dotted name says: ``self.encoder_k`` is a key's."""
    words = _words(name)
    if words & _COPIES:
        return "copy"
    return "key" if words & _KEYS else ""


def is_copy_of(name: str, other: str) -> Part:
    """Return whether the names say that one network is the copy of the other, and how surely.

    Of two teachers neither is, and the target language's part of a translation model is tied to
    the source language's on purpose.
    """
    one, two = part_of(name), part_of(other)
    if not one or two or (_words(name) | _words(other)) & _SOURCES:
        return ""
    return one


def _words(name: str) -> frozenset[str]:
    last = re.sub(r"[\[\]()'\"]", " ", name.rpartition(".")[2])
    return frozenset(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", last))
