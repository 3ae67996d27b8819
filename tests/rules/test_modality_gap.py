"""CD312: towers in separate cones, and pairs of outputs that are no towers or no cones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector, analyze
from collapse_doctor.findings import Severity
from collapse_doctor.measurements import Sample
from collapse_doctor.metrics.paired import two_cones
from collapse_doctor.rules.rule import NotExamined

WIDTH = 64


def rows_about(mean: float, seed: int, rows: int = 64, width: int = WIDTH) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(size=(rows, width)) + mean).astype(np.float32)


@pytest.mark.parametrize(("rows", "width"), [(16, 512), (64, 64), (500, 8)])
@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_two_halves_of_one_cone_read_the_null(rows, width, mean) -> None:
    gaps, told = [], []
    for seed in range(30):
        both = rows_about(mean, seed, 2 * rows, width)
        found = two_cones(both[:rows], both[rows:])
        assert found is not None
        assert found.gap < 4 * found.null
        gaps.append((found.gap / found.null) ** 2)
        told.append(found.told_apart)
    assert np.mean(gaps) == pytest.approx(1.0, rel=0.2)
    assert np.mean(told) == pytest.approx(0.5, abs=0.06)


def test_the_interval_covers_the_gap_of_many_rows() -> None:
    def cones(seed: int, rows: int):
        return two_cones(rows_about(0.5, seed, rows), rows_about(-0.5, seed + 1000, rows))

    truth = cones(999, 40_000).gap
    hits = [low <= truth <= high for low, high in (cones(s, 200).interval for s in range(100))]
    assert np.mean(hits) >= 0.88


def test_separate_cones_are_all_offset_and_near_ones_little() -> None:
    far = two_cones(rows_about(1, 0), rows_about(-1, 1))
    near = two_cones(rows_about(0.1, 0, 2000), rows_about(-0.1, 1, 2000))
    assert far is not None
    assert near is not None
    assert far.offset > 0.5
    assert far.told_apart == 1.0
    assert near.gap > 4 * near.null, "significant"
    assert near.offset < 0.05, "and small"


def towers(training_of, layer_of, compared, one: np.ndarray, other: np.ndarray, **about):
    def state(rows: np.ndarray) -> dict:
        steps = np.full(len(rows), 300)
        return {"sample": Sample(rows, steps), "directed": True}

    left = layer_of({}, first={}, role="output", **{"model": "image", **state(one)})
    call = compared(models=("image", "text"), **about)
    return training_of(state={"model": "text", **state(other)}, before=[left], comparisons=[call])


def test_the_rule_names_both_towers_and_both_numbers(
    training_of, layer_of, compared, check
) -> None:
    seen = towers(training_of, layer_of, compared, rows_about(1, 0), rows_about(-1, 1))
    (match,) = check("CD312", seen)
    assert match.severity is None, "the rule's own: info"
    assert {match.where.model, match.related[0].model} == {"image", "text"}
    gap = match.evidence["modality_gap"]
    assert gap.value > gap.bound == pytest.approx(4 * gap.null)
    assert gap.interval[0] < gap.value < gap.interval[1]


def test_one_common_cone_is_silent(training_of, layer_of, compared, check) -> None:
    seen = towers(training_of, layer_of, compared, rows_about(1, 0), rows_about(1, 1))
    assert check("CD312", seen) == []


def test_a_target_without_gradient_is_no_tower(training_of, layer_of, compared, check) -> None:
    seen = towers(training_of, layer_of, compared, rows_about(1, 0), rows_about(-1, 1), cut=True)
    with pytest.raises(NotExamined, match="both learn"):
        check("CD312", seen)


def test_a_file_and_a_single_embedding_have_no_second_tower(training_of, file_of, check) -> None:
    with pytest.raises(NotExamined, match="a file holds one embedding"):
        check("CD312", file_of())
    with pytest.raises(NotExamined, match="no second tower"):
        check("CD312", training_of())


# Real trainings: the same towers with and without an offset, written in three ways.


def tower(inputs: int, offset: float) -> nn.Module:
    norm = nn.BatchNorm1d(32)
    nn.init.constant_(norm.bias, offset)
    return nn.Sequential(nn.Linear(inputs, 64), nn.GELU(), nn.Linear(64, 32), norm)


def data() -> tuple[Tensor, Tensor]:
    topic = torch.randn(48, 12)
    image = topic @ torch.linspace(-1, 1, 240).view(12, 20).sin()
    return image + 0.1 * torch.randn(48, 20), topic + 0.1 * torch.randn(48, 12)


def contrastive(image: Tensor, text: Tensor) -> Tensor:
    image, text = F.normalize(image, dim=1), F.normalize(text, dim=1)
    logits, right = image @ text.T / 0.1, torch.arange(len(image))
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def run(watched, parameters, loss_of: Callable[[], Tensor]) -> Diagnosis:
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    with Inspector(watched) as inspector:
        for _ in range(30):
            loss = loss_of()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


def two_models(offset: float) -> Diagnosis:
    models = {"image": tower(20, offset), "text": tower(12, -offset)}
    parameters = [p for model in models.values() for p in model.parameters()]

    def loss() -> Tensor:
        image, text = data()
        return contrastive(models["image"](image), models["text"](text))

    return run(models, parameters, loss)


class Both(nn.Module):
    """Two encoders in one module that returns a dictionary, as model hubs have it."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.vision, self.language = tower(20, offset), tower(12, -offset)

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        return {"image_embeds": self.vision(image), "text_embeds": self.language(text)}


def one_model(offset: float) -> Diagnosis:
    model = Both(offset)

    def loss() -> Tensor:
        out = model(*data())
        scores = torch.einsum(
            "nd,md->nm",
            F.normalize(out["image_embeds"], dim=-1),
            F.normalize(out["text_embeds"], dim=-1),
        )
        return -scores.div(0.1).log_softmax(dim=1).diagonal().mean()

    return run(model, model.parameters(), loss)


def paired_cosine(offset: float) -> Diagnosis:
    models = {"question": tower(20, offset), "document": tower(12, -offset)}
    parameters = [p for model in models.values() for p in model.parameters()]

    def loss() -> Tensor:
        question, document = (models[n](x) for n, x in zip(models, data(), strict=True))
        wrong = document.roll(1, dims=0)
        right = F.cosine_similarity(question, document)
        return F.relu(0.3 - right + F.cosine_similarity(question, wrong)).mean()

    return run(models, parameters, loss)


STYLES = [two_models, one_model, paired_cosine]


@pytest.mark.parametrize("style", STYLES)
def test_towers_that_were_set_apart_are_told_as_info(style) -> None:
    torch.manual_seed(0)
    diagnosis = style(1.5)
    found = [one for one in diagnosis.findings if one.code == "CD312"]
    assert len(found) == 1
    assert found[0].severity is Severity.INFO
    assert found[0].where.step is not None
    assert found[0].evidence["told_apart"].value > 0.95


@pytest.mark.parametrize("style", STYLES)
def test_towers_in_one_cone_are_silent(style) -> None:
    torch.manual_seed(0)
    diagnosis = style(0.0)
    assert "CD312" not in {one.code for one in diagnosis.findings}
    assert "CD312" in diagnosis.passed


def test_a_predictor_and_its_target_are_no_towers() -> None:
    """SimSiam compares two outputs of one model; one of them is held still."""
    torch.manual_seed(0)
    encoder, predictor = tower(20, 2.0), tower(32, -2.0)

    class SimSiam(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.predictor = encoder, predictor

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            z = self.encoder(x)
            return self.predictor(z), z

    model = SimSiam()

    def loss() -> Tensor:
        x, _ = data()
        (p1, z1), (p2, z2) = model(x), model(x + 0.2 * torch.randn_like(x))
        one = F.cosine_similarity(p1, z2.detach()).mean()
        return -(one + F.cosine_similarity(p2, z1.detach()).mean()) / 2

    diagnosis = run(model, model.parameters(), loss)
    assert "CD312" not in {found.code for found in diagnosis.findings}


def test_analyze_says_why_it_was_not_examined() -> None:
    skipped = {one.code: one.reason for one in analyze(torch.randn(200, 16)).skipped}
    assert "second tower" in skipped["CD312"]
