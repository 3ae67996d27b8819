from __future__ import annotations

import ast
import sys
import sysconfig
from typing import Any

import pytest

from collapse_doctor.inspector.comparing.births import assignments, birth_line
from collapse_doctor.inspector.source.callsite import (
    called,
    expressions,
    scope_of,
    site_of,
    user_frame,
)


def here(*_args, **_kwargs):
    """Return the frame that called."""
    return sys._getframe(1)


def test_the_line_and_its_text() -> None:
    site = site_of(here())  # this one
    assert site.source == "site = site_of(here())  # this one"
    assert site.file == __file__
    assert site.function.endswith("test_the_line_and_its_text")


def test_arguments_as_they_are_written() -> None:
    a, b, items = 1, 2, [3, 4]
    found = [
        written(a, items[0]),
        written(y=a + b, x=items),
        written(
            (a, "é"),
            y=items[-1],
        ),
    ]
    assert found == [["a", "items[0]"], ["items", "a + b"], ["(a, 'é')", "items[-1]"]]


def written(x, y):
    return expressions(sys._getframe(1), ["x", "y"])


def test_starred_arguments_are_elements() -> None:
    both, one = (1, 2), (1,)
    assert written(*both) == ["both[0]", "both[1]"]
    assert written(1, *one) == ["1", "one[0]"]


def test_a_starred_display_is_written_out() -> None:
    assert written(*(1, 2)) == ["1", "2"]
    assert written(**{"y": 2, "x": 1}) == ["1", "2"]


def test_starred_arguments_are_not_guessed() -> None:
    one = (1,)
    assert written(*one, 2) == ["", ""]


def test_code_without_source_has_lines_but_no_names() -> None:
    space: dict[str, Any] = {"written": written}
    exec(compile("names = written(1,\n 2)", "<nowhere>", "exec"), space)
    assert space["names"] == ["", ""]


def test_frames_of_libraries_are_passed_over() -> None:
    library = f"{sysconfig.get_paths()['purelib']}/some_library/loss.py"
    space: dict[str, Any] = {"user_frame": user_frame, "__name__": "some_library.loss"}
    exec(compile("def loss():\n    return user_frame()", library, "exec"), space)
    assert space["loss"]().f_code.co_filename == __file__

    space["__name__"] = "torch.nn.functional"
    exec(compile("def loss():\n    return user_frame()", "functional.py", "exec"), space)
    assert space["loss"]().f_code.co_filename == __file__


def test_scope_of_a_function_and_of_a_decorated_one() -> None:
    scope = scope_of(here())
    assert isinstance(scope, ast.FunctionDef)
    assert scope.name == "test_scope_of_a_function_and_of_a_decorated_one"


class First:
    def forward(self) -> Any:
        return scope_of(here())


class Second:
    def forward(self) -> Any:
        return scope_of(here())


def test_scopes_of_one_name_are_told_apart() -> None:
    first, second = First().forward(), Second().forward()
    assert first.lineno == First.forward.__code__.co_firstlineno
    assert second.lineno == Second.forward.__code__.co_firstlineno


SOURCE = """
def train():
    if first:
        past = now
    other = now.detach().clone()
    a, b = now, F.normalize(now)
    x = y = model(batch)
    u = model.head(batch)
    v = model.head(batch)
    one, two = now, now
    self.bank = now[:4]
    scaled = 2 * now
    similarity = compare(now, past)
    past = now.detach()
"""


def line(left: str, right: str, kind: str) -> int | None:
    scope = ast.parse(SOURCE).body[0]
    return birth_line(scope, left, right, kind, before=13)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "right", "kind", "expected"),
    [
        ("now", "past", "same-object", 4),
        ("now", "past", "detached", 14),
        ("past", "now", "stale", 4),
        ("now", "other", "detached", 5),
        ("now", "other", "same-object", None),
        ("now", "a", "same-object", 6),
        ("now", "b", "scalar-multiple", 6),
        ("x", "y", "same-object", 7),
        ("now", "self.bank", "shared-storage", 11),
        ("now", "scaled", "scalar-multiple", 12),
        ("a", "past", "same-object", 6),
        ("one", "two", "same-object", 10),
        ("u", "v", "same-object", None),
        ("now", "now", "same-object", None),
        ("now", "unheard_of", "same-object", None),
        ("", "past", "same-object", None),
    ],
)
def test_assignments_that_join_two_names(left, right, kind, expected) -> None:
    assert line(left, right, kind) == expected


def test_chains_are_followed_to_their_root() -> None:
    found = list(assignments(ast.parse("z = F.normalize(self.head(x)[0].detach())")))
    chains = {a.source: a.through for a in found}
    assert chains["self.head(x)"] == ("normalize", "detach", "view")
    assert chains["self"] == chains["x"] == ("normalize", "detach", "view", "head")
    assert "F" not in chains


def test_a_local_name_is_not_taken_for_a_global_one() -> None:
    max = called  # shadows the built-in
    assert max(sys._getframe()) is None
    assert called(sys._getframe()) is called
