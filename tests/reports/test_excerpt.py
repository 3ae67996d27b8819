from __future__ import annotations

from dataclasses import replace

import pytest

from collapse_doctor.findings import Where
from collapse_doctor.reports.excerpt import excerpts, short_path

LINES = [f"    line_{n} = {n}" for n in range(1, 41)]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


def at(path, line, note=""):
    return Where(file=str(path), line=line, source=LINES[line - 1].strip(), note=note)


def test_the_line_stands_among_its_neighbours_at_common_indentation(source):
    (part,) = excerpts([at(source, 10, "here")])
    assert [line.number for line in part.lines] == [8, 9, 10, 11, 12]
    assert [line.text for line in part.lines if line.marked] == ["line_10 = 10"]
    assert part.lines[2].note == "here"
    assert part.complete
    assert part.place.endswith("train.py:10")


def test_a_line_that_changed_since_is_shown_as_recorded_and_alone(source):
    (part,) = excerpts([replace(at(source, 10), source="something_else()")])
    assert [line.text for line in part.lines] == ["something_else()"]
    assert not part.complete


def test_a_missing_file_leaves_the_recorded_line(tmp_path):
    (part,) = excerpts([Where(file=str(tmp_path / "gone.py"), line=3, source="  z = x")])
    assert [(line.number, line.text) for line in part.lines] == [(3, "z = x")]
    assert not part.complete


def test_places_near_each_other_share_one_excerpt_and_far_ones_do_not(source):
    near, far = at(source, 13, "compared"), at(source, 30)
    parts = excerpts([at(source, 10, "made"), near, far, at(source, 10, "made")])
    assert [[line.number for line in part.lines if line.marked] for part in parts] == [
        [10, 13],
        [30],
    ]


@pytest.mark.parametrize(
    "where",
    [Where(), Where(file="a.py", line=2), Where(file="a.py", line=2, source="  ")],
    ids=["nowhere", "no source", "blank"],
)
def test_without_a_line_of_source_there_is_no_excerpt(where):
    assert excerpts([where]) == []


def test_binary_huge_and_short_files_are_not_trusted(tmp_path):
    binary = tmp_path / "x.py"
    binary.write_bytes(b"\xff\xfe\x00z = x")
    assert not excerpts([Where(file=str(binary), line=1, source="z = x")])[0].complete
    assert not excerpts([Where(file=str(tmp_path), line=1, source="z = x")])[0].complete
    short = tmp_path / "short.py"
    short.write_text("z = x")
    assert not excerpts([Where(file=str(short), line=9, source="z = x")])[0].complete


def test_paths_name_no_home_folder(tmp_path, monkeypatch):
    assert short_path("/home/jane/secret/proj/train.py") == "…/proj/train.py"
    assert short_path("/srv/train.py") == "/srv/train.py"
    monkeypatch.chdir(tmp_path)
    assert short_path(str(tmp_path / "src" / "train.py")) == "src/train.py"
    assert short_path("<ipython-input-3>") == "<ipython-input-3>"
