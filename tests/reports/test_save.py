from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from collapse_doctor import reports
from collapse_doctor.errors import UsageError
from collapse_doctor.reports import RENDERERS, save, to_json


@pytest.mark.parametrize("suffix", [".json", ".txt"])
@pytest.mark.parametrize("name", ["healthy", "collapsed", "broken", "hostile", "blind"])
def test_every_renderer_writes_every_diagnosis(name, suffix, request, tmp_path):
    path = save(request.getfixturevalue(name), tmp_path / f"report{suffix.upper()}")
    assert path.read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_page_is_saved_as_it_was_made(blind, page_of, tmp_path):
    path = save(blind, tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == page_of("blind")
    assert set(RENDERERS) == {".html", ".json", ".txt"}


@pytest.mark.parametrize("name", ["report.pdf", "report"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(healthy, tmp_path, name):
    with pytest.raises(UsageError, match=r"\.html, \.json, \.txt"):
        save(healthy, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said(healthy, tmp_path):
    with pytest.raises(UsageError, match="folder that can be written"):
        save(healthy, tmp_path / "missing" / "report.txt")


def test_a_failing_renderer_leaves_the_older_report_alone(healthy, tmp_path, monkeypatch):
    path = save(healthy, tmp_path / "report.txt")
    before = path.read_bytes()

    def fail(_diagnosis):
        raise RuntimeError("renderer")

    monkeypatch.setattr(reports, "RENDERERS", {".txt": fail})
    with pytest.raises(RuntimeError, match="renderer"):
        save(healthy, path)
    assert path.read_bytes() == before


def test_a_failing_write_leaves_the_older_report_alone(healthy, tmp_path, monkeypatch):
    path = save(healthy, tmp_path / "report.txt")
    before = path.read_bytes()

    def fail(*_paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(UsageError, match="No space left"):
        save(healthy, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.txt"]


def strict(text: str) -> Any:
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_holds_no_nan_and_says_null(broken):
    document = strict(to_json(broken))
    assert document["findings"][0]["evidence"]["share"] == {
        "value": None,
        "bound": 0.0,
        "relation": ">",
        "null": None,
        "unit": "rows",
        "meaning": "",
        "interval": None,
    }


def test_json_is_versioned_and_carries_the_diagnosis(aliased):
    document = strict(to_json(aliased))
    assert document["schema_version"] == 1
    assert document["verdict"] == "sick"
    assert document["primary"] == "CD101"
    assert [f["code"] for f in document["findings"]] == ["CD101", "CD301"]
    assert document["findings"][0]["where"]["line"] == 3
    assert document["findings"][0]["severity"] == "error"
    assert document["skipped"][0]["reason"] == "no labels were handed over"
    head = document["layers"][1]
    assert head["values"]["effective_rank"] > 1
    assert head["first"]["mean_cosine"] == 0.4
    assert "sample" not in head
    assert {n["about"] for n in document["notices"]} == {"block1", "labels"}
    assert set(document) == {
        *("schema_version", "tool", "subject", "verdict", "examined", "complete", "primary"),
        *("findings", "links", "rivals", "skipped", "passed", "layers", "notices", "cost"),
    }
    (link,) = document["links"]
    assert (link["cause"], link["effect"]) == (0, 1)
    assert link["reason"].startswith("a comparison of a thing with itself")
    assert [rival["code"] for rival in document["rivals"]] == ["CD503", "CD204"]


def test_json_tells_healthy_from_not_examined_and_from_not_watched(healthy, blind, cut_short):
    said = {
        name: strict(to_json(diagnosis))
        for name, diagnosis in {"healthy": healthy, "blind": blind, "cut": cut_short}.items()
    }
    assert {document["verdict"] for document in said.values()} == {"healthy"}
    assert [document["examined"] for document in said.values()] == [True, False, True]
    assert [document["complete"] for document in said.values()] == [True, True, False]
    assert [n["about"] for n in said["cut"]["notices"]] == ["inspector", "block1", "labels"]


def test_json_takes_numpy_values(healthy):
    from dataclasses import replace

    from collapse_doctor.findings import Evidence

    numbers: list[Any] = [np.float32(0.5), np.int64(3)]
    evidence = {name: Evidence(n) for name, n in zip("nk", numbers, strict=True)}
    finding = replace(info(), evidence=evidence)
    document = strict(to_json(replace(healthy, findings=(finding,))))
    values = {k: e["value"] for k, e in document["findings"][0]["evidence"].items()}
    assert values == {"n": 0.5, "k": 3}


def info():
    from collapse_doctor.findings import Confidence, Finding, Severity

    return Finding("CD601", "too-few-samples", Severity.INFO, Confidence.LOW, "few")


def test_importing_reports_imports_nothing_that_draws():
    code = (
        "import sys, collapse_doctor.reports\n"
        "heavy = {'matplotlib', 'sklearn', 'torch', 'pandas', 'jinja2', 'rich', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
