from __future__ import annotations

import os
from pathlib import Path

import pytest

from collapse_doctor.atomic import write_whole


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_as_a_whole(tmp_path: Path, durable: bool) -> None:
    page = tmp_path / "report.html"
    page.write_text("old")
    write_whole(page, b"new", durable=durable)
    assert page.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [page]


def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "report.html"
    page.write_text("old")

    def full(*_arguments: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_whole(page, b"new")
    assert page.read_text() == "old"
    assert list(tmp_path.iterdir()) == [page]
