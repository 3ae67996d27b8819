"""The version, in the one place that the build, the command line and recordings read it from."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
