"""What means the same is written the same before source is read."""

from __future__ import annotations

import ast

import pytest

from collapse_doctor.inspector.source.passing import bound
from collapse_doctor.inspector.source.sugar import without_sugar

_SAME = {
    "z = await fetch(x)": "z = fetch(x)",
    "chain += [a, b]": "chain.append(a)\nchain.append(b)",
    "total += z": "total += z",
    "total -= [a, b]": "total -= [a, b]",
    "f(*(a, b), **{'c': d})": "f(a, b, c=d)",
    "f(*views, **words)": "f(*views, **words)",
    "state.key = getattr(state, 'query')": "state.key = state.query",
    "setattr(state, 'key', z)": "setattr(state, 'key', z)\nstate.key = z",
    "setattr(state, name, z)": "setattr(state, name, z)",
    "bank.extend([a])": "bank.extend([a])\nbank.append(a)",
    "queue.put(z)": "queue.put(z)\nqueue.append(z)",
    "store.put(places, z)": "store.put(places, z)",
    "past.insert(0, z)": "past.insert(0, z)\npast.append(z)",
    "out.update(key=z)": "out.update(key=z)\nout['key'] = z",
    "out.update({'key': z})": "out.update({'key': z})\nout['key'] = z",
    "async def f():\n    async for x in loader:\n        yield x": (
        "def f():\n    for x in loader:\n        yield x"
    ),
}


@pytest.mark.parametrize(("written", "meant"), _SAME.items(), ids=list(_SAME))
def test_sugar_is_taken_off(written: str, meant: str) -> None:
    assert ast.unparse(without_sugar(ast.parse(written))) == meant


def test_a_pattern_gives_parts_of_its_subject_to_its_names() -> None:
    cases = ("[one, {'z': other}]", "P(x, y=[v])")
    text = "match pair:\n" + "".join(f"    case {case}:\n        pass\n" for case in cases)
    tree = without_sugar(ast.parse(text))
    given = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    assert given == [
        "one = pair[0]",
        "other = pair[1]['z']",
        "x = pair[0]",
        "v = pair.y[0]",
    ]


def test_every_statement_keeps_its_line() -> None:
    tree = without_sugar(ast.parse("a = 1\n\nbank.extend([a, a])\n"))
    assert [node.lineno for node in tree.body] == [1, 3, 3, 3]


@pytest.mark.parametrize(
    ("function", "call", "passed"),
    [
        ("def f(self, a, b=1): ...", "model.f(x)", {"a": "x"}),
        ("def forward(ctx, a, b): ...", "Own.apply(x, x)", {"a": "x", "b": "x"}),
        ("def f(a, *rest): ...", "f(x, y, z)", {"a": "x", "rest[0]": "y", "rest[1]": "z"}),
        ("def f(a, b): ...", "f(*pair)", {"a": "pair[0]", "b": "pair[1]"}),
        ("def f(a, b): ...", "f(*pair, y)", {}),
        ("def f(a, *, b): ...", "f(x, **words)", {"a": "x", "b": "words['b']"}),
        ("def f(**words): ...", "f(b=x)", {"words['b']": "x"}),
    ],
)
def test_what_a_call_passes(function: str, call: str, passed: dict[str, str]) -> None:
    scope = ast.parse(function).body[0]
    node = ast.parse(call, mode="eval").body
    assert isinstance(scope, ast.FunctionDef)
    assert isinstance(node, ast.Call)
    assert {name: ast.unparse(value) for name, value in bound(scope, node).items()} == passed
