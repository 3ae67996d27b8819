"""What the package promises as a whole: a light import, declared dependencies, true metadata."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path

import pytest

import collapse_doctor

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "collapse_doctor"
HEAVY = {"jinja2", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a statement loads in a fresh interpreter."""
    code = "import json, sys; before = set(sys.modules)\n"
    code += f"try: exec({statement!r})\nexcept SystemExit as end: assert not end.code, end.code\n"
    code += "names = {name.split('.')[0] for name in set(sys.modules) - before}\n"
    code += "print('\\n' + json.dumps(sorted(names)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_import_loads_nothing_but_the_standard_library() -> None:
    assert loaded_by("import collapse_doctor") - sys.stdlib_module_names == {"collapse_doctor"}


@pytest.mark.parametrize("name", ["Finding", "CollapseDoctorError", "__version__"])
def test_plain_values_need_no_third_party(name: str) -> None:
    loaded = loaded_by(f"from collapse_doctor import {name}")
    assert loaded - sys.stdlib_module_names == {"collapse_doctor"}


@pytest.mark.parametrize(
    ("arguments", "light"),
    [
        (["--help"], set()),
        (["--version"], set()),
        (["analyze", "--help"], set()),
        (["rules"], {"numpy"}),
        (["explain", "--all"], {"numpy"}),
    ],
)
def test_what_computes_nothing_loads_nothing_heavy(arguments: list[str], light: set[str]) -> None:
    loaded = loaded_by(f"from collapse_doctor.cli import main; sys.exit(main({arguments!r}))")
    assert "click" in loaded
    assert loaded & HEAVY <= light


def test_public_names_are_there_and_listed() -> None:
    for name in collapse_doctor.__all__:
        assert getattr(collapse_doctor, name) is not None
        assert name in dir(collapse_doctor)
    assert sorted(collapse_doctor._HOMES) == sorted(collapse_doctor.__all__)


def test_public_objects_are_those_of_their_homes() -> None:
    from collapse_doctor import findings, summary

    assert collapse_doctor.Finding is findings.Finding
    assert collapse_doctor.EmbeddingSummary is summary.EmbeddingSummary


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'collapse_doctor' has no attribute 'Doctor'"):
        collapse_doctor.Doctor  # type: ignore[attr-defined]  # noqa: B018


def test_importing_every_module_does_no_work() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "__init__.py"
    ]
    code = f"""
import importlib, random, threading, warnings
warnings.simplefilter("error")
import matplotlib, numpy, pandas, sklearn.manifold, torch
def state():
    return (torch.get_rng_state().tolist(), str(numpy.random.get_state()), random.getstate(),
            torch.get_num_threads(), torch.get_default_dtype(), matplotlib.rcParams.copy(),
            numpy.geterr(), threading.active_count())
torch.manual_seed(0); numpy.random.seed(0); random.seed(0)
before = state()
for name in {names!r}:
    importlib.import_module(name)
assert state() == before, "an import changed the process"
import sys
assert "matplotlib.pyplot" not in sys.modules, "pyplot is global state"
assert not torch.cuda.is_initialized()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()


def third_party_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module != "collapse_doctor.__init__"
            yield (node.module or "").split(".")[0]


def requirement_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", text)[0].lower() for text in requirements}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    imported = {name for path in PACKAGE.rglob("*.py") for name in third_party_imports(path)}
    imported -= sys.stdlib_module_names | {"collapse_doctor"}
    distributions = {"sklearn": "scikit-learn"}
    declared = requirement_names(
        PROJECT["dependencies"] + PROJECT["optional-dependencies"]["parquet"]
    )
    assert {distributions.get(name, name) for name in imported} == declared


def test_constraints_pin_each_dependency_exactly_and_portably() -> None:
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)  # no path, no "+cpu"
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    extras = PROJECT["optional-dependencies"]
    wanted = requirement_names(PROJECT["dependencies"] + [r for e in extras.values() for r in e])
    assert wanted - {"collapse-doctor"} <= pinned


def test_the_version_is_the_same_everywhere() -> None:
    version = collapse_doctor.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert version in (ROOT / "CHANGELOG.md").read_text()
    try:
        installed = metadata.version("collapse-doctor")
    except metadata.PackageNotFoundError:  # run from a checkout
        return
    assert installed == version


def test_the_entry_point_is_there() -> None:
    module, _, function = PROJECT["scripts"]["collapse-doctor"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_the_types_are_shipped() -> None:
    assert resources.files("collapse_doctor").joinpath("py.typed").is_file()


def test_every_folder_of_modules_is_a_package() -> None:
    missing = [
        str(folder.relative_to(ROOT))
        for folder in PACKAGE.rglob("*")
        if folder.is_dir() and any(folder.glob("*.py")) and not (folder / "__init__.py").exists()
    ]
    assert missing == []
