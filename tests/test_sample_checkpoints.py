"""The table in sample_checkpoints/README.md is the promise; the command line is held to it."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from collapse_doctor.api import analyze
from collapse_doctor.cli import main
from collapse_doctor.rules.catalogue import RULES

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "sample_checkpoints"
NOTHING = "–"


class Row(NamedTuple):
    file: str
    story: str
    verdict: str
    finding: str
    exit_code: int


def table() -> list[Row]:
    lines = (FOLDER / "README.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    head, _, *body = cells
    assert head == ["file", "how it came about", "verdict", "finding", "exit code"]
    return [Row(cell[0].strip("`"), cell[1], cell[2], cell[3], int(cell[4])) for cell in body]


def making() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_samples", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("row", table(), ids=lambda row: row.file)
def test_the_command_line_keeps_the_promise(row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(FOLDER / row.file)
    assert main(["analyze", "-q", "--fail-on", "warning", "--json", "-", path]) == row.exit_code
    out, err = capsys.readouterr()
    if row.exit_code == 2:
        assert out == ""
        assert err.count("\n") == 1
        assert row.file in err
        return
    document = json.loads(out)
    assert document["verdict"] == row.verdict
    assert document["primary"] == (row.finding if row.verdict != "healthy" else None)
    if row.finding in {rule.code for rule in RULES}:
        assert document["findings"][0]["code"] == row.finding
    elif row.finding == NOTHING:
        assert document["findings"] == []


def test_the_state_dict_is_told_from_embeddings(capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", str(FOLDER / "model_checkpoint.pt")])
    assert "a state dict" in capsys.readouterr().err


def test_the_table_the_script_and_the_folder_agree() -> None:
    files = {row.file for row in table()}
    assert files == set(making().SAMPLES)
    there = {path.name for path in FOLDER.iterdir() if not path.name.startswith((".", "__"))}
    assert there == files | {"README.md", "make.py"}


def test_the_samples_are_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(sizes) < 8_000_000


def test_the_recording_points_into_this_repository() -> None:
    log = "".join(path.read_text() for path in (FOLDER / "aliased_loop").glob("*.json*"))
    files = set(re.findall(r'"file":\s*"([^"]+\.py)"', log))
    assert files == {"collapse_doctor/cases/aliasing/aliased_loop.py"}
    primary = analyze(FOLDER / "aliased_loop").primary
    assert primary is not None
    source = (ROOT / str(primary.where.file)).read_text().splitlines()
    # If this fails the case has changed since: run make.py aliased_loop.
    line = source[(primary.where.line or 0) - 1].strip()
    assert line == primary.where.source


def test_a_sample_can_be_made_anew(tmp_path: Path) -> None:
    name = "healthy_wine.npz"
    made = making().make(name, tmp_path)
    new, old = np.load(made), np.load(FOLDER / name)
    assert new["embeddings"].shape == old["embeddings"].shape
    assert np.array_equal(new["labels"], old["labels"])
    assert [analyze(made).verdict.value] == [row.verdict for row in table() if row.file == name]
