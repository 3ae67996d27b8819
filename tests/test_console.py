from __future__ import annotations

import io

import click
import pytest

from collapse_doctor import console
from collapse_doctor.errors import InputError

READABLE = InputError("a file", "nothing", where="z.pt", remedy="check the path")


def raising(error: BaseException):
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.exceptions.Exit(0), 0),
        (READABLE, 2),
        (click.UsageError("no"), 2),
        (ValueError("a fault"), 2),
        (MemoryError(), 2),
        (FileNotFoundError(2, "No such file", "z.pt"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_no_error_has_the_code_of_a_finding(error: BaseException, code: int) -> None:
    assert console.exit_code_of(raising(error), debug=False) == code


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (2, 2)])
def test_a_command_decides_its_code(returned: int | None, code: int) -> None:
    assert console.exit_code_of(lambda: returned, debug=False) == code


def test_ctrl_c_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    console.exit_code_of(raising(KeyboardInterrupt()), debug=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            READABLE,
            "collapse-doctor: z.pt: expected a file, got nothing. Check the path.",
        ),
        (click.UsageError("No PATH."), "collapse-doctor: No PATH. Try 'collapse-doctor --help'."),
        (
            PermissionError(13, "Permission denied", "out.html"),
            "collapse-doctor: out.html: expected access, got 'Permission denied'. "
            "Check the path, its permissions and the free space.",
        ),
        (
            OSError(28, "No space left on device"),
            "collapse-doctor: output: expected access, got 'No space left on device'. "
            "Check the path, its permissions and the free space.",
        ),
    ],
)
def test_an_error_is_one_line(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    console.complain(error)
    assert capsys.readouterr() == ("", f"{line}\n")


def test_a_fault_of_ours_says_where_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    console.exit_code_of(raising(ValueError("two\nlines")), debug=False)
    _, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "test_console.py:" in err
    assert "ValueError: two lines" in err
    assert "--debug" in err
    assert "Traceback" not in err


def test_debug_adds_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    console.exit_code_of(raising(ValueError("why")), debug=True)
    _, err = capsys.readouterr()
    assert err.startswith("Traceback (most recent call last):")
    assert "raise error" in err


def test_each_error_of_a_group_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.complain(ExceptionGroup("two", [READABLE, READABLE]))
    assert capsys.readouterr().err.count("expected a file") == 2


def test_a_hostile_name_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.complain(InputError("a file", "it", where="\x1b[2J\x07.pt", remedy="rename it"))
    err = capsys.readouterr().err
    assert err.endswith(" Rename it.\n")
    assert err[:-1].isprintable()


def test_a_character_the_stream_lacks_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr("sys.stdout", stream)
    assert console.exit_code_of(lambda: console.write("✖ sick"), debug=False) == 0
    assert stream.buffer.getvalue().strip() == b"? sick"


def test_a_note_is_one_printable_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.note("Reading two\nlines \x1b[31m.pt")
    assert capsys.readouterr().err == "Reading two lines ?[31m.pt\n"


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_that_cannot_be_told_keeps_its_code(
    monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    monkeypatch.setattr("sys.stderr", Full())
    console.note("Reading")
    assert console.exit_code_of(raising(READABLE), debug=debug) == 2
