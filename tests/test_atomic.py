from __future__ import annotations

import errno
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


def test_the_longest_legal_name_can_be_written(tmp_path: Path) -> None:
    page = tmp_path / f"{'x' * 250}.html"
    write_whole(page, b"new")
    assert page.read_bytes() == b"new"


def test_an_error_names_the_file_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", source, None, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device: '[^']*/report\.html'$") as caught:
        write_whole(tmp_path / "report.html", b"new")
    assert (caught.value.errno, caught.value.filename2) == (errno.ENOSPC, None)
    with pytest.raises(FileNotFoundError) as gone:
        write_whole(tmp_path / "gone" / "report.html", b"new")
    assert gone.value.filename == str(tmp_path / "gone" / "report.html")


@pytest.mark.skipif(os.name == "nt", reason="making links needs a privilege there")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    page, link = tmp_path / "page.html", tmp_path / "latest.html"
    link.symlink_to(page)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert page.read_bytes() == b"new"
