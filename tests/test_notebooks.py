"""Every notebook is run from top to bottom, by this interpreter, in a folder of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out a folder beside the samples, with a kernel that is this very interpreter."""
    launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = {"argv": launch, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", paths)
    (tmp_path / "sample_checkpoints").symlink_to(ROOT / "sample_checkpoints")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder


def run(path: Path, folder: Path) -> dict[str, str]:
    """Execute a notebook; return what each cell of code gave, by its source."""
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    client.execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {cell.source: "\n".join(map(shown, cell.outputs)) for cell in cells}


def shown(output: Any) -> str:
    return "\n".join([output.get("text", ""), *output.get("data", {}).values()])


def of(outputs: dict[str, str], line: str) -> str:
    """Return the output of the one cell that holds ``line``."""
    (found,) = (output for source, output in outputs.items() if line in source.splitlines())
    return found


def test_the_first_diagnosis(folder: Path) -> None:
    outputs = run(ROOT / "notebooks" / "01_first_diagnosis.ipynb", folder)
    diagnosis = of(outputs, "diagnosis")
    assert "CD101" in diagnosis
    assert "vector2 = vector1" in diagnosis  # the line in the notebook's own cell
    assert of(outputs, "print(cured.verdict)").strip() == "healthy"
    assert "CD303" in of(outputs, "saved")
    assert (folder / "first_diagnosis.html").stat().st_size > 10_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert not any(cell.outputs or cell.execution_count for cell in cells)
