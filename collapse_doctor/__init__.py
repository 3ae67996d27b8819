"""Tells people why their embeddings are useless.

The public names are loaded when they are first used: ``import collapse_doctor`` does no work and
imports nothing but the standard library, so that reading a rule's page needs no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collapse_doctor.api import Diagnosis, Inspector, analyze, load
    from collapse_doctor.errors import CollapseDoctorError
    from collapse_doctor.findings import Finding
    from collapse_doctor.summary import EmbeddingSummary
    from collapse_doctor.version import __version__

__all__ = [
    "CollapseDoctorError",
    "Diagnosis",
    "EmbeddingSummary",
    "Finding",
    "Inspector",
    "__version__",
    "analyze",
    "load",
]

_HOMES = {
    "CollapseDoctorError": "collapse_doctor.errors",
    "Diagnosis": "collapse_doctor.api",
    "EmbeddingSummary": "collapse_doctor.summary",
    "Finding": "collapse_doctor.findings",
    "Inspector": "collapse_doctor.api",
    "__version__": "collapse_doctor.version",
    "analyze": "collapse_doctor.api",
    "load": "collapse_doctor.api",
}

if not TYPE_CHECKING:  # a checker that saw __getattr__ would let every misspelt name pass

    def __getattr__(name: str) -> object:
        """Import a public name from its home the first time it is asked for (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value  # asked for once; from now on an ordinary attribute
        return value

    def __dir__() -> list[str]:
        """List the public names too, although they are not loaded yet."""
        return sorted({*globals(), *__all__})
