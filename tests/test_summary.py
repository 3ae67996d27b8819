"""One summary, whichever way it was put together, against float64 references."""

from __future__ import annotations

import itertools
import math
import pickle
import random

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collapse_doctor.errors import InputError
from collapse_doctor.metrics.sample_entries import SAMPLE_METRICS
from collapse_doctor.metrics.table import METRICS, measure
from collapse_doctor.summary import EmbeddingSummary

ROWS, WIDTH = 90, 12
OF_A_SAMPLE = {metric.name for metric in SAMPLE_METRICS}
OF_ALL_ROWS = [metric.name for metric in METRICS if metric.name not in OF_A_SAMPLE]


def patient_rows() -> tuple[torch.Tensor, list[int | None]]:
    """Rows with an offset, duplicates, zeros, NaN, infinity, a dead coordinate; and labels."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(ROWS, WIDTH, generator=generator) * torch.linspace(0.1, 3, WIDTH) + 2
    rows[:, 4] = 1.25
    rows[10:14] = rows[3]
    rows[[20, 70]] = 0.0
    rows[30, 1], rows[80, 0] = math.nan, math.inf
    return rows, [None if i % 17 == 0 else i % 4 for i in range(ROWS)]


DATA, LABELS = patient_rows()


def numbers(summary: EmbeddingSummary) -> dict[str, np.ndarray | float]:
    """Everything a summary knows, but for the sample, which is drawn."""
    found: dict[str, np.ndarray | float] = dict(measure(summary, OF_ALL_ROWS))
    for name in ("vectors", "directions", "lengths"):
        for key, value in vars(getattr(summary, name)).items():
            found[f"{name}.{key}"] = np.asarray(value, dtype=float)
    classes = summary.classes
    assert classes is not None
    rank = [classes.labels[label] for label in range(4)]
    found |= {name: getattr(classes, name)[rank].numpy() for name in ("counts", "means", "squares")}
    found |= {"seen": summary.rows_seen, "count": summary.count, "zero": summary.zero_rows}
    found |= {"spectrum_rows": summary.spectrum_rows, "largest": summary.distinct.largest}
    found["eigenvalues"] = summary.eigenvalues().numpy()
    found["raw"] = summary.raw_eigenvalues().numpy()
    found["histogram"] = summary.length_histogram()[0].numpy()
    return found


def assert_same(found: EmbeddingSummary, expected: EmbeddingSummary) -> None:
    wanted = numbers(expected)
    for name, value in numbers(found).items():
        scale = np.abs(wanted[name]).max()
        np.testing.assert_allclose(value, wanted[name], rtol=1e-9, atol=1e-9 * scale, err_msg=name)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.lists(st.integers(0, ROWS), max_size=8),
    joins=st.lists(st.integers(0, 7), min_size=8, max_size=8),
    peeks=st.sets(st.integers(0, 8)),
    sizes=st.lists(st.sampled_from([0, 5, 40, 2048]), min_size=9, max_size=9),
)
def test_any_split_and_any_tree_of_merges_give_the_same_numbers(cuts, joins, peeks, sizes):
    edges = [0, *sorted(cuts), ROWS]
    parts = []
    for number, (start, stop) in enumerate(itertools.pairwise(edges)):
        part = EmbeddingSummary(WIDTH, sample_size=sizes[number])
        middle = (start + stop) // 2
        part.add(DATA[start:middle], LABELS[start:middle])
        if number in peeks:
            part.eigenvalues()  # reading in between must change nothing
        part.add(DATA[middle:stop], LABELS[middle:stop])
        parts.append(part)
    for join in joins:
        if len(parts) > 1:
            at = join % (len(parts) - 1)
            parts[at].merge(parts.pop(at + 1))
    for part in parts[1:]:
        parts[0].merge(part)
    assert_same(parts[0], EmbeddingSummary.of(DATA, LABELS))


def test_counts_of_unusable_rows():
    summary = EmbeddingSummary.of(DATA, LABELS)
    assert (summary.rows_seen, summary.count, summary.nonfinite_rows) == (90, 88, 2)
    assert (summary.zero_rows, summary.directions.count) == (2, 86)
    assert summary.distinct.examined - summary.distinct.distinct == 5
    assert summary.sample.places.tolist() == [i for i in range(90) if i not in (30, 80)]
    assert summary.sample.labels is not None
    assert summary.sample.labels.tolist() == [LABELS[i] for i in summary.sample.places]
    finite = DATA[DATA.isfinite().all(dim=1)].double()
    torch.testing.assert_close(summary.vectors.mean, finite.mean(dim=0))
    directions = finite[finite.norm(dim=1) > 0]
    directions = directions / directions.norm(dim=1, keepdim=True)
    torch.testing.assert_close(summary.directions.mean, directions.mean(dim=0))
    np.testing.assert_allclose(
        summary.eigenvalues(), np.linalg.eigvalsh(np.cov(finite.T))[::-1], atol=1e-12
    )


@pytest.mark.parametrize("spread", [1e-1, 1e-2, 1e-3, 1e-4])
def test_spectrum_of_float32_rows_far_from_the_origin(spread):
    """Where a Gram matrix of uncentred float32 rows is wrong by a factor of thousands."""
    random_ = np.random.default_rng(0)
    scales = spread * 0.97 ** np.arange(256) / 16
    rows = (random_.normal(size=(5000, 256)) * scales + random_.normal(size=256) / 16).astype("f4")
    summary = EmbeddingSummary(256)
    for chunk in np.array_split(rows, 7):
        summary.add(torch.from_numpy(chunk))
    exact = rows.astype("f8")
    singular = np.linalg.svd(exact - exact.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(summary.eigenvalues(), singular**2 / 4999, rtol=1e-6)
    shares = singular / singular.sum()
    expected = math.exp(-float((shares * np.log(shares)).sum()))
    assert measure(summary)["effective_rank"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "dtype",
    [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int8, torch.int64, torch.bool],
)
def test_rows_of_any_real_dtype_are_read_exactly(dtype):
    rows = (torch.arange(60) % 7).reshape(15, 4).to(torch.float32).to(dtype)
    found, expected = EmbeddingSummary.of(rows), EmbeddingSummary.of(rows.to(torch.float64))
    assert found.dtype == str(dtype).removeprefix("torch.")
    assert torch.equal(found.vectors.squares, expected.vectors.squares)
    assert torch.equal(found.eigenvalues(), expected.eigenvalues())
    assert torch.equal(found.sample.rows, expected.sample.rows)


@pytest.mark.parametrize(
    ("dtype", "steps", "varies"),
    [
        (torch.float32, 0, False),
        (torch.float32, 1, False),
        (torch.float32, 2, True),
        (torch.float32, 8, True),
        (torch.bfloat16, 1, False),
        (torch.bfloat16, 8, True),
        (torch.float64, 1, False),
        (torch.float64, 8, True),
    ],
)
def test_spread_below_the_resolution_is_none(dtype, steps, varies):
    """Rows of one value, half of them some steps of the dtype away."""
    rows = torch.full((500, 64), 1.5, dtype=torch.float64)
    change = torch.randint(0, 2, rows.shape, generator=torch.Generator().manual_seed(0))
    rows = (rows + change * steps * torch.finfo(dtype).eps).to(dtype)
    assert len(rows.unique()) == (2 if steps else 1)
    summary = EmbeddingSummary.of(rows)
    assert summary.varies == varies
    found = measure(summary)
    assert (found["relative_dispersion"] > 0) == varies
    assert (found["effective_rank"] > 1) == varies


def test_resolution_is_that_of_the_coarsest_rows_or_as_declared():
    summary = EmbeddingSummary(3, dtype="float64")
    assert summary.resolution == np.finfo("f8").eps
    summary.add(torch.ones(2, 3, dtype=torch.bfloat16))
    assert summary.dtype == "bfloat16"
    other = EmbeddingSummary.of(torch.ones(2, 3))
    other.merge(summary)
    assert other.dtype == "bfloat16"
    assert EmbeddingSummary.of(torch.ones(2, 3), dtype="float16").dtype == "float16"


def test_what_was_derived_is_derived_anew_when_rows_come():
    summary = EmbeddingSummary.of(DATA[:10])
    assert len(summary.eigenvalues()) == 9
    summary.add(DATA[10:12])
    assert len(summary.eigenvalues()) == 11
    summary.merge(EmbeddingSummary.of(DATA[12:20]))
    assert len(summary.eigenvalues()) == len(summary.raw_eigenvalues()) == 12


def test_wide_rows_rest_on_the_sample_and_say_so():
    rows = torch.randn(50, 2100, generator=torch.Generator().manual_seed(0))
    few, many = EmbeddingSummary.of(rows, sample_size=50), EmbeddingSummary(2100, sample_size=30)
    for part in rows.split(7):
        many.add(part)
    assert few.notes() == ()
    assert (few.spectrum_rows, many.spectrum_rows, many.count) == (50, 30, 50)
    assert "sample of 30 rows" in many.notes()[0]
    chosen = rows[torch.from_numpy(many.sample.places)].double()
    expected = torch.linalg.svdvals(chosen - chosen.mean(dim=0))[:29] ** 2 / 29
    torch.testing.assert_close(many.eigenvalues(), expected)


def test_notes_tell_of_dropped_labels():
    summary = EmbeddingSummary.of(torch.eye(1001, 2), list(range(1001)))
    assert summary.classes is None
    assert "more than 1000 different labels" in summary.notes()[0]


def test_rows_may_be_strided_overwritten_and_part_of_a_graph():
    base = torch.randn(6, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    rows = (base * 2).T[::2, :3]
    expected = rows.detach().clone()
    summary = EmbeddingSummary(3)
    summary.add(rows)
    with torch.no_grad():
        base.zero_()
        rows.zero_()
    assert torch.equal(summary.sample.rows, expected)
    assert not summary.vectors.mean.requires_grad
    with torch.inference_mode():
        inferred = EmbeddingSummary.of(expected.clone())
    inferred.add(expected)
    assert inferred.count == 8


def test_no_random_state_of_the_user_is_touched():
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    summary = EmbeddingSummary.of(torch.ones(50, 2), sample_size=10)
    summary.merge(EmbeddingSummary.of(torch.ones(50, 2), sample_size=10))
    measure(summary)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert str(np.random.get_state()) == before[1]
    assert random.getstate() == before[2]


def test_samples_of_equal_seeds_and_other_data_are_drawn_apart():
    """Else merged summaries of every step would hold the same few places of each batch."""
    generator = torch.Generator().manual_seed(0)
    samples = [
        set(EmbeddingSummary.of(torch.randn(400, 3, generator=generator), sample_size=40).sample[1])
        for _ in range(10)
    ]
    shared = [len(one & other) for one in samples for other in samples if one is not other]
    assert np.mean(shared) == pytest.approx(4, abs=1)
    rows = torch.randn(400, 3, generator=generator)
    places = [EmbeddingSummary.of(rows, sample_size=40).sample.places for _ in range(2)]
    assert places[0].tolist() == places[1].tolist()


def test_merging_leaves_the_other_alone_and_itself_doubles():
    first, second = EmbeddingSummary.of(DATA[:40]), EmbeddingSummary.of(DATA[40:])
    before = pickle.dumps(second._settle())
    first.merge(second)
    first.add(DATA)
    measure(first)
    assert pickle.dumps(second._settle()) == before
    second.merge(second)
    assert (second.rows_seen, second.distinct.largest) == (100, 2)


def test_a_summary_travels_between_processes():
    summary = EmbeddingSummary.of(DATA, LABELS)
    copy = pickle.loads(pickle.dumps(summary))
    assert_same(copy, summary)
    copy.merge(summary)
    assert copy.count == 2 * summary.count


def test_large_chunks_are_cut_into_blocks():
    rows = torch.randn(700, 900, generator=torch.Generator().manual_seed(0))
    found = EmbeddingSummary.of(rows, list(range(7)) * 100)
    exact = rows.double()
    torch.testing.assert_close(found.vectors.squares, exact.var(dim=0) * 699)
    expected = torch.linalg.svdvals(exact - exact.mean(dim=0))[:699] ** 2 / 699
    torch.testing.assert_close(found.eigenvalues(), expected)


def test_principal_axes_are_those_of_the_rows():
    rows = torch.randn(300, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1.0, 9.0, 1.0, 4.0, 1.0]
    )
    axes = EmbeddingSummary.of(rows).principal_axes(2)
    assert axes.shape == (2, 5)
    assert axes[0, 1] > 0.99
    assert axes[1, 3] > 0.99
    assert EmbeddingSummary.of(rows[:1]).principal_axes(2).shape == (0, 5)
    assert EmbeddingSummary.of(rows[:2]).principal_axes(2).shape == (1, 5)


def test_an_empty_summary_knows_nothing_and_merges_with_anything():
    empty = EmbeddingSummary(WIDTH)
    assert (empty.count, empty.spectrum_rows, empty.varies, empty.notes()) == (0, 0, False, ())
    assert len(empty.eigenvalues()) == 0
    empty.merge(EmbeddingSummary(WIDTH))
    empty.add(DATA[:0])
    empty.merge(EmbeddingSummary.of(DATA, LABELS))
    assert_same(empty, EmbeddingSummary.of(DATA, LABELS))


def test_what_does_not_fit_is_refused():
    summary = EmbeddingSummary(3)
    with pytest.raises(InputError, match=r"rows by 3, got shape \(2, 4\)"):
        summary.add(torch.zeros(2, 4))
    with pytest.raises(InputError, match="width 3, got one of width 4"):
        summary.merge(EmbeddingSummary(4))
    with pytest.raises(InputError, match="width 0"):
        EmbeddingSummary(0)
    with pytest.raises(InputError, match="2-D"):
        EmbeddingSummary.of(torch.zeros(3))
    assert summary.rows_seen == 0


SIZES = [1e-300, 1e-160, 1e-30, 1e30, 1e40, 1e160, 1e300, 2.0**1019]


@pytest.mark.parametrize("size", SIZES)
def test_rows_of_any_size_are_measured_as_if_they_were_ordinary(size):
    """Squares of most of these leave float64; every measure is blind to scale but the norms."""
    rows = torch.randn(60, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows[4], rows[9] = rows[5], 0.0
    names = [i % 3 for i in range(60)]
    found = EmbeddingSummary(12, dtype="float64")
    for start in range(0, 60, 7):
        found.merge(EmbeddingSummary.of(rows[start : start + 7] * size, names[start : start + 7]))
    assert (found.count, found.nonfinite_rows, found.zero_rows) == (60, 0, 1)
    measured = measure(found)
    for name, value in measure(EmbeddingSummary.of(rows)).items():
        if name in ("covariance_term", "variance_term"):  # of the size, by their definition
            continue
        wanted = value * size if name.startswith("norm_") else value
        rounding = 1e-5 if name in OF_A_SAMPLE else 1e-9  # the sample is kept as float32
        assert measured[name] == pytest.approx(
            wanted, rel=rounding, abs=1e-15 * size, nan_ok=True
        ), name
    drawn = found.sample.rows.double() * found.unit
    torch.testing.assert_close(drawn / size, rows, rtol=1e-6, atol=1e-6)
    expected = torch.linalg.svdvals(rows - rows.mean(dim=0)) ** 2 / 59
    spectrum = found.eigenvalues() * (found.unit / size) ** 2
    torch.testing.assert_close(spectrum, expected)
    assert found.classes is not None
    second = rows[1::3] - rows[1::3].mean(dim=0)
    place = found.classes.labels[1]
    spread = float(found.classes.squares[place]) * (found.unit / size) ** 2
    assert spread == pytest.approx(float(second.square().sum()))
    assert (found.unit == 1.0) == (1e-45 < size < 1e38) == (not found.notes())


def test_units_do_not_depend_on_the_order_of_merging():
    generator = torch.Generator().manual_seed(0)
    parts = [torch.zeros(4, 5, dtype=torch.float64)] + [
        torch.randn(30, 5, generator=generator, dtype=torch.float64) * size for size in SIZES
    ]
    expected = EmbeddingSummary.of(torch.cat(parts))
    for order in itertools.islice(itertools.permutations(range(len(parts))), 0, None, 997):
        found = EmbeddingSummary(5, dtype="float64")
        for number in order:
            found.merge(EmbeddingSummary.of(parts[number]))
        assert found.unit == expected.unit
        torch.testing.assert_close(found.directions.squares, expected.directions.squares)
        torch.testing.assert_close(found.vectors.squares, expected.vectors.squares)
        assert (found.zero_rows, found.directions.count) == (4, 240)
        assert measure(found) == pytest.approx(measure(expected), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_merging_into_larger_units_leaves_the_other_alone(scale):
    small, large = EmbeddingSummary.of(torch.eye(3)), EmbeddingSummary.of(DATA[:, :3].double())
    large.add(torch.ones(2, 3, dtype=torch.float64) * 1e200 * scale)
    before = pickle.dumps(small._settle())
    large.merge(small)
    assert pickle.dumps(small._settle()) == before


def test_large_numbers_are_said_to_be_large():
    note = EmbeddingSummary.of(torch.eye(3, dtype=torch.float64) * 3e160).notes()[0]
    assert "The largest number is 3.0e+160" in note
    assert "all but the norms is measured and drawn in units of" in note
