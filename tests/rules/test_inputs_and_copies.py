"""CD305, CD403, CD501 and CD502 on hand-made measurements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from collapse_doctor.findings import Severity
from collapse_doctor.inspector.entering.variety import runs
from collapse_doctor.measurements import Sample
from collapse_doctor.recording.observations import Intake
from collapse_doctor.rules.copies import capacity, groups_of
from collapse_doctor.rules.precision import grain_of, rounding_share
from collapse_doctor.rules.rule import NotExamined

STEPS = (0, 150, 300)
DRAW = np.random.default_rng(0)


def intakes(steps: Sequence[int] = STEPS, **changed: Any) -> tuple[Intake, ...]:
    """Return healthy intakes of 96 rows at these steps, changed as told."""
    fields: dict[str, Any] = {"forward": 0, "model": "model", "name": "x", "dtype": "float32"}
    fields |= {"shape": (96, 20), "rows": 96, "distinct": 96, "least": 96, "batch": 96}
    fields |= {"varied": True, "dispersion": 0.9, "low": -2.0, "high": 2.0}
    return tuple(Intake(step=step, **(fields | changed)) for step in steps)


def sample_of(rows: Callable[[int], np.ndarray]) -> Sample:
    blocks = [rows(step).astype(np.float32) for step in STEPS]
    return Sample(np.concatenate(blocks), np.repeat(STEPS, [len(block) for block in blocks]))


def normal(_step: int) -> np.ndarray:
    return DRAW.standard_normal((96, 64))


def of(vectors: int, rows: int = 96) -> Callable[[int], np.ndarray]:
    """Return rows that fall on some vectors by chance."""
    book = DRAW.standard_normal((vectors, 64))
    return lambda _step: book[DRAW.permutation(np.arange(rows) % vectors)]


EQUAL: dict[str, Any] = {"varied": False, "distinct": 1, "least": 1}


# CD501


@pytest.mark.parametrize(
    ("rows", "differ"),
    [
        ([[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]], 1),
        ([[0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 1]], 1),
        ([[5, 1, 1, 6, 0], [5, 1, 6, 0, 0], [5, 1, 1, 1, 6]], 1),
        ([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], 3),
        ([[1, 1, 0, 0], [1, 2, 0, 0]], 2),
        ([[1, 1, 1], [2, 2, 2]], 2),
    ],
    ids=["padded behind", "padded before", "start and end", "nothing in it", "a word", "two ids"],
)
def test_a_row_without_padding_differs_in_its_length_alone(rows, differ) -> None:
    assert runs(torch.tensor(rows)) == differ


@pytest.mark.parametrize(
    "changed",
    [
        EQUAL | {"repeated": True},
        EQUAL | {"repeated": True, "low": 0.0, "high": 0.0},
        EQUAL | {"repeated": True, "dtype": "int64", "shape": (96,)},
        {"dtype": "int64", "shape": (96, 12), "runs": 1, "dispersion": None},
    ],
    ids=["one row", "zeros", "one id", "unknown words"],
)
def test_input_without_variety_is_found(training_of, check, changed) -> None:
    (match,) = check("CD501", training_of(intakes=intakes(**changed)))
    assert (match.where.model, match.where.step) == ("model", 0)
    assert "model" in match.message


def test_it_is_found_from_the_step_on_at_which_it_began(training_of, check) -> None:
    seen = intakes((0, 1, 2)) + intakes((10, 20, 30), **EQUAL, repeated=True)
    (match,) = check("CD501", training_of(intakes=seen))
    assert match.where.step == 10


@pytest.mark.parametrize(
    "seen",
    [
        intakes(),
        intakes(repeated=True),
        intakes(**EQUAL),
        intakes(**EQUAL, repeated=True, shape=(96, 1)),
        intakes(**EQUAL, repeated=True)[:2],
        intakes(**EQUAL, repeated=True) + intakes((400,)),
        intakes(**EQUAL, repeated=True, shape=(96, 7, 20)),
        intakes(dispersion=0.001),
        intakes(dispersion=0.001, learned=True),
    ],
    ids=[
        "healthy",
        "one batch again",
        "always another item",
        "a placeholder of one number",
        "two looks",
        "recovered",
        "positions of a sequence",
        "what the network makes much of",
        "of another network",
    ],
)
def test_look_alikes_of_collapsed_input_are_silent(training_of, check, seen) -> None:
    assert check("CD501", training_of(intakes=seen)) == []


def test_another_item_at_each_step_counts_where_the_embeddings_have_collapsed(
    training_of, check
) -> None:
    collapsed = training_of({"relative_dispersion": 0.0}, intakes=intakes(**EQUAL))
    assert len(check("CD501", collapsed)) == 1


def test_faint_input_counts_where_the_network_was_born_with_one_vector(training_of, check) -> None:
    alike = {"relative_dispersion": 0.001}
    (match,) = check("CD501", training_of(alike, alike, intakes=intakes(dispersion=0.001)))
    assert match.evidence["dispersion"].value == 0.001
    assert check("CD501", training_of(alike, {}, intakes=intakes(dispersion=0.001))) == []


def test_what_may_be_told_apart_by_other_inputs_is_not_examined(training_of, check) -> None:
    with pytest.raises(NotExamined, match="more than tensors"):
        check("CD501", training_of(intakes=intakes(**EQUAL, repeated=True, whole=False)))


def test_a_file_has_no_inputs(file_of, check) -> None:
    with pytest.raises(NotExamined, match="file"):
        check("CD501", file_of())


# CD305


def few(training_of, vectors: int, *, first: Any = None, **other: Any) -> Any:
    late, begin = of(vectors), first or of(vectors)
    kept = sample_of(lambda step: begin(step) if step == 0 else late(step))
    fields = {"intakes": intakes(), "tables": {"model": ((64, 64),)}} | other
    share = {"distinct_share": vectors / 96}
    began = {} if first else share
    return training_of(share, began, state={"sample": kept}, **fields)


def test_three_vectors_of_sixty_four_are_found(training_of, check) -> None:
    (match,) = check("CD305", few(training_of, 3))
    assert match.severity is Severity.ERROR
    assert match.evidence["distinct_vectors"].value == 3
    assert match.evidence["perplexity"].value == pytest.approx(3, abs=0.01)


def test_what_the_straight_through_estimator_leaves_is_rounding(training_of, check) -> None:
    book = DRAW.standard_normal((3, 64)).astype(np.float32)

    def rows(_step: int) -> np.ndarray:
        z, q = DRAW.standard_normal((96, 64)).astype(np.float32), book[np.arange(96) % 3]
        return z + (q - z)

    state = {"sample": sample_of(rows)}
    found = training_of(state=state, intakes=intakes(), tables={"model": ((64, 64),)})
    assert len(check("CD305", found)) == 1


def test_vectors_that_became_few_are_found_whatever_the_table(training_of, check) -> None:
    assert len(check("CD305", few(training_of, 4, first=normal, tables={}))) == 1


def test_twenty_vectors_are_no_handful(training_of, check) -> None:
    assert check("CD305", few(training_of, 20)) == []


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"intakes": intakes(least=6)}, "as few kinds"),
        ({"intakes": ()}, "not known"),
        ({"tables": {"model": ((4, 64),)}}, "may be meant"),
        ({"steps": 120}, "too few to tell"),
    ],
    ids=["few inputs", "inputs unknown", "a table of four", "an early code book"],
)
def test_few_vectors_with_a_reason_are_not_examined(training_of, check, other, reason) -> None:
    with pytest.raises(NotExamined, match=reason):
        check("CD305", few(training_of, 3, **other))


def test_few_vectors_in_a_file(file_of, check) -> None:
    kept = Sample(of(3, 900)(0).astype(np.float32), np.zeros(900, dtype=int))
    (match,) = check("CD305", file_of({"distinct_share": 3 / 900}, sample=kept))
    assert "a file does not show" in match.cause


# CD502


def halved(_step: int) -> np.ndarray:
    return np.repeat(DRAW.standard_normal((48, 64)), 2, axis=0)


def test_copies_at_the_same_places_are_found(training_of, check) -> None:
    found = training_of(state={"sample": sample_of(halved)}, intakes=intakes())
    (match,) = check("CD502", found)
    assert match.evidence["copies"].value == pytest.approx(0.5)


def test_ids_that_share_one_vector_are_found(training_of, check) -> None:
    def rows(_step: int) -> np.ndarray:
        z = DRAW.standard_normal((96, 64))
        z[DRAW.permutation(96)[:30]] = 1.0
        return z

    state = {"sample": sample_of(rows)}
    assert len(check("CD502", training_of(state=state, intakes=intakes(dtype="int64")))) == 1
    with pytest.raises(NotExamined, match="code book"):
        check("CD502", training_of(state=state, intakes=intakes()))


def test_ids_drawn_again_do_not_hide_that_the_rest_share_one_vector(training_of, check) -> None:
    """What is popular comes several times in a batch, and its vector as often."""

    def rows(_step: int) -> np.ndarray:
        z = np.repeat(DRAW.standard_normal((48, 64)), 2, axis=0)  # each id of 48 drawn twice
        z[:40] = 1.0  # 20 ids have one vector
        return z

    state = {"sample": sample_of(rows)}
    drawn_twice = training_of(state=state, intakes=intakes(dtype="int64", least=48))
    assert len(check("CD502", drawn_twice)) == 1
    with pytest.raises(NotExamined, match="code book"):
        check("CD502", training_of(state=state, intakes=intakes(dtype="int64")))


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        (halved, intakes(least=48)),
        (halved, intakes(repeated=True)),
        (of(40), intakes()),
        (lambda step: np.repeat(normal(step)[:24], 4, axis=0), intakes()),
    ],
    ids=["copies in the input", "one batch again", "a code book", "members of groups"],
)
def test_copies_with_a_reason_are_not_examined(training_of, check, rows, seen) -> None:
    with pytest.raises(NotExamined):
        check("CD502", training_of(state={"sample": sample_of(rows)}, intakes=seen))


@pytest.mark.parametrize(
    ("rows", "severity"),
    [
        (np.tile(DRAW.standard_normal((300, 64)), (2, 1)), Severity.WARNING),
        (np.vstack([DRAW.standard_normal((400, 64)), np.ones((80, 64))]), Severity.WARNING),
        (np.vstack([DRAW.standard_normal((400, 64))] * 2)[:500], Severity.INFO),
    ],
    ids=["written twice", "one vector for the unknown", "some duplicates"],
)
def test_copies_in_a_file(file_of, check, rows, severity) -> None:
    distinct = len(np.unique(rows, axis=0)) / len(rows)
    kept = Sample(rows.astype(np.float32), np.zeros(len(rows), dtype=int))
    (match,) = check("CD502", file_of({"distinct_share": distinct}, sample=kept))
    assert match.severity is severity


# CD403


def coarse(mean: float, spread: float, rows: int = 200) -> np.ndarray:
    """Return rows rounded to bfloat16: the upper half of the bits of a float32."""
    values = (mean + spread * DRAW.standard_normal((rows, 64))).astype(np.float32)
    return ((values.view(np.uint32) + 0x8000) & 0xFFFF0000).view(np.float32)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_rows_that_differ_by_few_steps_of_bfloat16_are_found(file_of, check, dtype) -> None:
    rows = coarse(1.5, 0.016)
    kept = Sample(rows, np.zeros(len(rows), dtype=int))
    (match,) = check("CD403", file_of(sample=kept, dtype=dtype))
    assert match.evidence["spread_in_steps"].value == pytest.approx(2.0, rel=0.1)
    with pytest.raises(NotExamined, match="CD403"):
        check("CD301", file_of({"relative_dispersion": 0.01}, sample=kept, dtype=dtype))


@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (1.5, 0.1), (30.0, 8.0)])
def test_rows_with_many_steps_are_silent(file_of, check, mean, spread) -> None:
    rows = coarse(mean, spread)
    kept = Sample(rows, np.zeros(len(rows), dtype=int))
    assert check("CD403", file_of(sample=kept, dtype="bfloat16")) == []


def test_rows_below_the_eps_of_their_similarity_are_found(training_of, check) -> None:
    state = {"sample": sample_of(lambda step: 1e-3 * normal(step))}
    (match,) = check("CD403", training_of(state=state | {"eps": 0.1}))
    assert match.evidence["short_share"].value == 1.0
    assert check("CD403", training_of(state=state | {"eps": 1e-8})) == []
    assert check("CD403", training_of(state=state)) == []


def test_the_share_of_rounding_is_a_twelfth_at_one_step() -> None:
    rows = np.round(1.5 * 2**10 + DRAW.standard_normal((100_000, 1))) / 2**10
    assert rounding_share(rows, "float16") == pytest.approx(1 / 13, rel=0.02)  # 1/12 of 1 + 1/12


def test_whole_numbers_are_no_rounded_ones(layer_of) -> None:
    counts = DRAW.integers(0, 9, (50, 64)).astype(np.float32)
    assert grain_of(layer_of(), counts).dtype == "float32"
    assert grain_of(layer_of(), coarse(0.0, 1.0)).dtype == "bfloat16"


def test_groups_and_codes(layer_of) -> None:
    rows = np.eye(4)[[0, 1, 0, 3]]
    assert groups_of(rows, layer_of()).tolist() == [0, 1, 0, 3]
    assert capacity(rows) == 4
    assert capacity(np.sign(DRAW.standard_normal((20, 6)))) == 64
    assert capacity(DRAW.standard_normal((20, 6))) is None
