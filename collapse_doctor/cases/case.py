"""What a case is: one mistake, as a training that makes it and the same training without it."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, cast

from collapse_doctor.cases.curing import cure_lines, cured

if TYPE_CHECKING:
    from torch import Generator

    from collapse_doctor.api import Diagnosis

__all__ = ["Case", "Training", "read"]

HOME = Path(__file__).parent

_FIELDS = ("expect", "first")
_FIELD = re.compile(rf"^({'|'.join(_FIELDS)}): (.*)$", re.MULTILINE)
_EXPECTED = re.compile(r"(?P<code>\w+)(?P<info> as info)?")


class Training(Protocol):
    """A small real training under an Inspector: the ``train`` of a case's file."""

    def __call__(self, generator: Generator, out: Path | None) -> Diagnosis:
        """Train for a few seconds and return the diagnosis.

        Parameters
        ----------
        generator
            What batches and views are drawn from; torch's own generator is seeded alike.
        out
            Folder of the recording; None keeps it in memory.
        """


@dataclass(frozen=True)
class Case:
    """One mistake that people make.

    Parameters
    ----------
    name
        What it is called on the command line.
    family
        The folder it lies in: what kind of mistake it is.
    title
        What the sick training does, in half a sentence.
    story
        How it comes about, what it looks like from outside, and what cures it.
    expects
        Codes that must be found in the sick training; the first one is its root cause. Nothing
        above info may be found in the cured one.
    informs
        Those of them that are told as info, since they may be what was meant. They must not be
        found in the cured training.
    first
        The step of the fault's first occurrence; None if it sets in by and by.
    path
        The file with its ``train``.
    """

    name: str
    family: str
    title: str
    story: str
    expects: tuple[str, ...]
    informs: frozenset[str]
    first: int | None
    path: Path

    @property
    def alarms(self) -> tuple[str, ...]:
        """The codes that must be found above info: none if the case is only worth knowing."""
        return tuple(code for code in self.expects if code not in self.informs)

    @property
    def faults(self) -> frozenset[int]:
        """The lines that the cure changes."""
        return cure_lines(self.path.read_text(encoding="utf-8"))

    def run(self, *, out: Path | None = None, seed: int = 0, cured: bool = False) -> Diagnosis:
        """Train, sick or cured, and return the diagnosis.

        Parameters
        ----------
        out
            Folder of the recording; None keeps it in memory.
        seed
            Of weights, batches and augmentations. The caller's random numbers are not touched.
        cured
            Whether to train with the cure.
        """
        from collapse_doctor.cases.data import seeded

        with seeded(seed) as generator:
            return self._training(cured)(generator, out)

    def _training(self, cured: bool) -> Training:
        """Return the training; where the cure is more than a few lines it is a function."""
        module = importlib.import_module(self._module)
        written = getattr(module, "cured", None)
        if not cured:
            return cast(Training, module.train)
        return cast(Training, written or _cured_module(self).train)

    @property
    def _module(self) -> str:
        return f"{__package__}.{self.family}.{self.path.stem}"


def read(path: Path) -> Case:
    """Return the case of a file, which is not run for it.

    Its docstring has the title in the first line, the story, and ``expect: CD101, CD106`` and,
    if the fault is not there from step 0 on, ``first: 12`` or ``first: gradual``. What is told
    as info is marked so: ``expect: CD307 as info``.

    Raises
    ------
    ValueError
        If the docstring does not say what is expected.
    """
    title, _, body = (ast.get_docstring(ast.parse(path.read_bytes())) or "").partition("\n")
    fields: Mapping[str, str] = dict(_FIELD.findall(body))
    if "expect" not in fields:
        raise ValueError(f"{path}: expected 'expect: CODE, …' in the docstring")
    expected = [_expected(entry, path) for entry in fields["expect"].split(",")]
    first = fields.get("first", "0")
    return Case(
        name=path.stem.replace("_", "-"),
        family=path.parent.name,
        title=title.rstrip("."),
        story=_FIELD.sub("", body).strip(),
        expects=tuple(code for code, _ in expected),
        informs=frozenset(code for code, informs in expected if informs),
        first=None if first == "gradual" else int(first),
        path=path,
    )


def _expected(entry: str, path: Path) -> tuple[str, bool]:
    """Return a code of the docstring, and whether it is expected as info."""
    match = _EXPECTED.fullmatch(entry.strip())
    if match is None:
        raise ValueError(f"{path}: expected 'CODE' or 'CODE as info', got {entry.strip()!r}")
    return match["code"], bool(match["info"])


@functools.cache
def _cured_module(case: Case) -> ModuleType:
    """Return the module of a case with its cure.

    It has a file of its own, because the Inspector reads the source of what it watches.
    """
    name = f"{case._module}_cured"
    text = case.path.read_text(encoding="utf-8")
    path = _folder() / f"{case.family}_{case.path.name}"
    path.write_text(cured(text), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"expected {path} to be a module")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def _folder() -> Path:
    """Return a folder that lasts as long as the process."""
    held = _KEPT.setdefault("folder", tempfile.TemporaryDirectory(prefix="collapse-doctor-"))
    return Path(held.name)


_KEPT: dict[str, tempfile.TemporaryDirectory[str]] = {}
"""A temporary directory is removed with the object that stands for it."""
