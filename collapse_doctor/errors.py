"""What can go wrong through no fault of ours, said in one line that helps.

Every error of the package names four things: what was expected, what came instead, where, and
what to do about it. The command line prints that line and exits with 2; nothing else is needed.
"""

from __future__ import annotations

from typing import Any

__all__ = ["CollapseDoctorError", "InputError", "RecordingError", "UsageError"]


class CollapseDoctorError(Exception):
    """Base of every error the package raises on purpose.

    Parameters
    ----------
    expected
        What would have been right, as a noun phrase: ``"a 2-D tensor of embeddings"``.
    got
        What came instead: ``"a state dict with 12 entries"``.
    where
        File, key, argument or layer it came from. Optional.
    remedy
        What to do now, as an imperative: ``"pass --key NAME"``.
    """

    def __init__(self, expected: str, got: str, *, remedy: str, where: str = "") -> None:
        self.expected = expected
        self.got = got
        self.where = where
        self.remedy = remedy
        place = f"{where}: " if where else ""
        line = f"{place}expected {expected}, got {got}. {remedy[:1].upper()}{remedy[1:]}."
        super().__init__(" ".join(line.split()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with what it was made from."""
        return _made, (type(self), self.expected, self.got, self.remedy, self.where)


class InputError(CollapseDoctorError):
    """A file, tensor or array that cannot be read as embeddings, or labels that do not fit them."""


class RecordingError(CollapseDoctorError):
    """A recording's folder that is missing, damaged or written by a newer version."""


class UsageError(CollapseDoctorError):
    """An argument that makes no sense: an unknown rule, layer or output format."""


def _made(
    kind: type[CollapseDoctorError], expected: str, got: str, remedy: str, where: str
) -> CollapseDoctorError:
    return kind(expected, got, remedy=remedy, where=where)
