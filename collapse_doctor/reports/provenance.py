"""What a report was made with, without importing any of it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

__all__ = ["versions"]

_PACKAGES = ("torch", "numpy", "scikit-learn", "matplotlib")


def versions() -> Mapping[str, str]:
    """Return the versions of Python and of what draws the maps and charts."""
    return {"Python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
