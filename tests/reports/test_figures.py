from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from collapse_doctor.findings import Confidence, Evidence, Finding, Severity, Where
from collapse_doctor.measurements import Sample
from collapse_doctor.reports.figures import maps
from collapse_doctor.reports.figures.chart import OTHER, SERIES, Chart, draw
from collapse_doctor.reports.figures.histograms import cosines, norms
from collapse_doctor.reports.figures.maps import pca_map, tsne_map
from collapse_doctor.reports.figures.onsets import mark, spans_of
from collapse_doctor.reports.figures.spectrum import marchenko_pastur, spectrum
from collapse_doctor.reports.figures.timeline import timeline


def sample(n=120, d=6, *, steps=None, labels=None, seed=0, mean=0.0):
    rows = mean + np.random.default_rng(seed).standard_normal((n, d))
    steps = np.zeros(n, np.int64) if steps is None else steps
    return Sample(rows.astype(np.float32), steps, labels)


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)
    return [e.text or "" for e in root.iter("{http://www.w3.org/2000/svg}text")]


def table(chart: Chart) -> dict[str, str]:
    return {row[0]: row[1] for row in chart.rows}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("paper", ["#fcfbf8", "#121417", "#ffffff", "#181b1f"])
@pytest.mark.parametrize("colour", [*SERIES, OTHER, *maps.STEP_COLOURS])
def test_every_colour_is_legible_on_light_and_on_dark_paper(colour, paper):
    light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.2, 1.4.11


def test_a_picture_is_well_formed_text_stays_text_and_ids_carry_the_name():
    svg = draw("mine", 'a "label" & more', lambda axes: axes.set_xlabel("$x_1$ <cosine>"))
    root = ET.fromstring(svg)
    assert root.get("aria-label") == 'a "label" & more'
    assert "$x_1$ <cosine>" in texts(svg)
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert ids
    assert all(name.startswith("mine-") for name in ids)
    assert "#010203" not in svg
    assert "currentColor" in svg
    assert not re.search(r"https?://(?!www\.w3\.org/)", svg)


def test_tick_labels_keep_their_digits():
    svg = draw("t", "t", lambda axes: axes.set_yticks([0.0025, 0.005], ["0.0025", "0.0050"]))
    assert "0.0025" in texts(svg)


def test_pictures_depend_on_neither_the_users_settings_nor_the_time():
    plain = pca_map("p", "z", sample())
    with mpl.rc_context({"svg.fonttype": "path", "axes.facecolor": "red", "font.size": 30}):
        before = mpl.rcParams.copy()  # dict() would load pyplot
        assert pca_map("p", "z", sample()) == plain
        assert mpl.rcParams.copy() == before
    assert "dc:date" not in plain.svg


def test_isotropic_spectrum_is_that_of_random_data():
    for n, d in ((200, 50), (50, 200), (100, 100)):
        rows = np.random.default_rng(0).standard_normal((n + 1, d))
        values = np.linalg.svd(rows - rows.mean(0), compute_uv=False)[: min(n, d)] ** 2
        expected = marchenko_pastur(n, d)
        assert expected.sum() == pytest.approx(1)
        assert np.cumsum(expected) == pytest.approx(np.cumsum(values / values.sum()), abs=0.01)


def test_the_spectrum_says_how_many_directions_do_the_work(healthy):
    state = healthy.measurements.layers[0]
    values = np.array([99.2, 0.6, *([0.2 / 30] * 30)])
    chart = spectrum("s", "z", replace(state, eigenvalues=values))
    assert chart.caption.startswith("1 of 32 directions holds 99 %")
    assert chart.rows[0][:2] == ("first 1", "99.2 %")
    assert any("effective rank" in key.text for key in chart.legend)
    assert "weighs directions by their singular values" in chart.caption
    nothing = spectrum("s", "z", replace(state, eigenvalues=np.zeros(32)))
    assert nothing.svg == ""
    assert nothing.caption.startswith("Not drawn")


def test_a_narrow_logarithmic_axis_still_has_ticks(collapsed):
    chart = spectrum("s", "z", collapsed.measurements.layers[0])
    assert sum(bool(re.fullmatch(r"0\.0\d+", text)) for text in texts(chart.svg)) >= 1


def test_cosines_of_all_pairs_agree_with_a_direct_computation():
    given = sample(40, 5, mean=1.0)
    units = given.rows / np.linalg.norm(given.rows, axis=1, keepdims=True)
    expected = (units @ units.T)[np.triu_indices(40, 1)]
    rows = table(cosines("c", "z", given))
    assert float(rows["mean"]) == pytest.approx(expected.mean(), rel=5e-3)
    assert float(rows["largest"]) == pytest.approx(expected.max(), rel=5e-3)


def test_random_directions_lie_where_the_band_says():
    share = re.search(r"([\d.]+) % lie", cosines("c", "z", sample(400, 64)).caption)
    assert share is not None
    assert float(share.group(1)) == pytest.approx(95.4, abs=1.0)  # two standard deviations


def test_histograms_show_the_last_step_only():
    steps = np.repeat([0, 9], 60)
    given = sample(steps=steps)
    given.rows[60:] = 7.0
    assert table(cosines("c", "z", given))["smallest"] == "1"
    assert "step 9" in cosines("c", "z", given).caption
    lengths = table(norms("n", "z", given))
    assert lengths["smallest"] == lengths["largest"]
    assert "98 % of the vectors are 17.1 long" in norms("n", "z", given).caption


@pytest.mark.parametrize("rows", [np.zeros((5, 3)), np.full((5, 3), np.nan), np.ones((1, 3)) * 0])
def test_histograms_of_nothing_say_so(rows):
    given = Sample(rows.astype(np.float32), np.zeros(len(rows), np.int64))
    for chart in (cosines("c", "z", given), norms("n", "z", given)):
        assert chart.svg == ""
        assert chart.caption.startswith("Not drawn")


def test_zero_rows_are_counted_beside_the_lengths():
    given = sample()
    given.rows[:30] = 0
    assert "30 of 120 are zero" in norms("n", "z", given).caption


def test_a_collapsed_cloud_is_drawn_with_its_magnification_or_not_at_all():
    wide, narrow = sample(), sample()
    narrow.rows[:] = 1 + 0.001 * narrow.rows
    assert "magnifies" not in pca_map("p", "z", wide).caption
    assert re.search(
        r"0\.0\d* % as wide.*magnifies it about [\d,]{4,5} times", pca_map("p", "z", narrow).caption
    )
    rounding = pca_map("p", "z", narrow, resolution=2**-7)
    assert rounding.svg == ""
    assert "rounding" in rounding.caption


def test_labels_and_steps_become_groups_with_symbol_and_colour():
    few = pca_map("p", "z", sample(labels=np.array(["a", "b", "c"] * 40)))
    assert [key.text for key in few.legend] == ["a", "b", "c"]
    assert len({(key.symbol, key.colour) for key in few.legend}) == 3
    many = pca_map("p", "z", sample(labels=np.arange(120) % 30))
    assert many.legend[-1].text == "21 other labels"
    ten = pca_map("p", "z", sample(labels=np.arange(120) % 10))
    assert len(ten.legend) == 10
    assert not any("other" in key.text for key in ten.legend)
    steps = pca_map("p", "z", sample(steps=np.arange(120)))
    assert [key.text for key in steps.legend][::4] == ["steps 0–23", "steps 96–119"]
    assert "at step 119" in steps.caption


def test_large_clouds_are_pixels_and_small_ones_are_not():
    large = pca_map("p", "z", sample(2_000))
    assert "data:image/png" in large.svg
    assert len(large.svg) < 120_000
    assert "data:image/png" not in pca_map("p", "z", sample(100)).svg


def test_tsne_warns_of_itself():
    chart = tsne_map("t", "z", sample(60))
    assert chart.svg
    assert "neither sizes nor distances" in chart.caption


def test_the_timeline_marks_onsets_and_tells_where_each_curve_went(make_aliased):
    diagnosis = make_aliased("train.py")
    charts = {c.name: c for c in timeline(diagnosis.measurements, diagnosis.findings)}
    assert list(charts) == ["timeline-loss", "timeline-cosine", "timeline-spread", "timeline-rank"]
    loss = charts["timeline-loss"]
    assert loss.caption == "The loss went from 0.4 to 0.00343."
    assert {"CD101", "CD301"} <= set(texts(loss.svg))
    cosine = charts["timeline-cosine"]
    assert [key.text for key in cosine.legend] == ["encoder.head", "encoder.block1"]
    assert cosine.rows[0][0] == "encoder.head"
    assert float(cosine.rows[0][-2]) > 0.99
    assert "isotropic" in charts["timeline-rank"].caption


def boxes_over_the_axes(onsets, last=120):
    """Extents of the onset labels as they are printed, in pixels."""
    found = []

    def paint(axes):
        axes.plot([0, last], [0, 1])
        mark(axes, onsets)
        found.append(axes)

    draw("o", "o", paint)
    return [text.get_window_extent() for text in found[0].texts]


@pytest.mark.parametrize(
    "onsets",
    [
        [(0, "CD101 CD503"), (1, "CD106")],
        [(0, "CD101"), (1, "CD106"), (2, "CD301 CD302"), (3, "CD306")],
        [(0, "CD101 CD503"), (60, "CD301"), (62, "CD303"), (119, "CD401")],
    ],
)
def test_labels_of_nearby_onsets_do_not_overprint(onsets):
    boxes = boxes_over_the_axes(onsets)
    assert len(boxes) == len(onsets)
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


def test_labels_far_apart_share_a_row():
    boxes = boxes_over_the_axes([(0, "CD101"), (60, "CD301"), (120, "CD401")])
    assert len({round(box.y0) for box in boxes}) == 1


def test_a_steady_spread_is_drawn_from_zero_and_a_falling_one_by_powers_of_ten(make_aliased):
    measurements = make_aliased("train.py").measurements
    table = measurements.metrics
    falling = {c.name: c.svg for c in timeline(measurements, ())}["timeline-spread"]
    steady_table = table[table["layer"] == "block1"]
    steady = {c.name: c.svg for c in timeline(replace(measurements, metrics=steady_table), ())}[
        "timeline-spread"
    ]
    assert "0.01" in texts(falling)
    assert "0.01" not in texts(steady)
    assert "1.0" in texts(steady)


def test_gaps_in_a_curve_are_counted(broken):
    charts = {c.name: c for c in timeline(broken.measurements, ())}
    assert "not finite at 2 of 3" in charts["timeline-loss"].caption
    assert charts["timeline-cosine"].caption == "The mean cosine of embeddings was never finite."


def test_a_file_and_a_single_step_have_no_timeline(healthy):
    assert list(timeline(healthy.measurements, ())) == []
    one = replace(healthy.measurements, losses=pd.DataFrame({"step": [0], "value": [1.0]}))
    assert list(timeline(one, ())) == []


def test_where_a_finding_began_is_shaded_only_if_it_is_an_alarm():
    evidence = {"onset_after": Evidence(88), "onset_by": Evidence(112)}
    alarm = Finding(
        "CD301", "n", Severity.ERROR, Confidence.HIGH, "m", Where(step=384), evidence=evidence
    )
    told = replace(alarm, severity=Severity.INFO)
    without = replace(alarm, evidence={})
    assert spans_of([alarm, alarm, told, without]) == [(88, 112)]
    assert spans_of([told, without]) == []
