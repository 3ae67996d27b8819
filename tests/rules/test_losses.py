"""CD207 and CD208: trainings from beginning to end, and hand-made measurements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from msgspec import structs
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Confidence, Diagnosis, Finding, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import (
    CallSite,
    Intake,
    Objective,
    Party,
    Pull,
)
from collapse_doctor.rules.objectives import has_unknown
from collapse_doctor.rules.rule import Match, NotExamined
from tests.rules.losses import HEALTHY, ROWS, SICK, Setting, Step, info_nce, network, unit


def train(step: Step, steps: int = 12, rate: float = 1e-2) -> Diagnosis:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(0)
        setting = Setting()
        step(setting)  # once, to make all that is trained along
        found = [setting.model, *setting.memory.values()]
        modules = [one for one in found if isinstance(one, nn.Module)]
        loose = [one for one in found if isinstance(one, nn.Parameter)]
        moved = dict.fromkeys([*(p for m in modules for p in m.parameters()), *loose])
        optimizer = torch.optim.Adam([p for p in moved if p.requires_grad], rate)
        with Inspector(setting.watched) as inspector:
            for setting.step in range(steps):
                optimizer.zero_grad()
                loss = step(setting)
                loss.backward()
                optimizer.step()
        return inspector.diagnose()
    finally:
        torch.set_num_threads(threads)


def found(diagnosis: Diagnosis, code: str) -> list[Finding]:
    assert not [skip for skip in diagnosis.skipped if "the rule failed" in skip.reason]
    return [finding for finding in diagnosis.findings if finding.code == code]


def reason(diagnosis: Diagnosis, code: str) -> str:
    return next((skip.reason for skip in diagnosis.skipped if skip.code == code), "")


@pytest.mark.parametrize("name", SICK)
def test_a_loss_that_only_pulls_is_found_before_it_has_collapsed(name: str) -> None:
    diagnosis = train(SICK[name])
    (finding,) = found(diagnosis, "CD208")
    assert finding.severity is Severity.WARNING
    assert (finding.where.model, finding.where.layer, finding.where.step) == (
        "model",
        "output",
        0,
    )


@pytest.mark.parametrize("name", HEALTHY)
def test_what_keeps_rows_apart_is_no_finding(name: str) -> None:
    diagnosis = train(HEALTHY[name])
    assert found(diagnosis, "CD207") == []
    assert found(diagnosis, "CD208") == [], reason(diagnosis, "CD208")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("w_mse", "the model itself may keep its rows apart"),
        ("batch_norm_at_the_end", "NativeBatchNorm"),
        ("uniformity", "`Pdist`"),
        ("target_without_gradient", "whether by the same weights is not known"),
        ("trainable_teacher_that_is_watched", "one may not learn"),
    ],
)
def test_what_is_not_understood_is_said(name: str, words: str) -> None:
    assert words in reason(train(HEALTHY[name]), "CD208")


def test_a_target_without_gradient_counts_once_the_spread_has_fallen() -> None:
    (finding,) = found(train(HEALTHY["target_without_gradient"], steps=150), "CD208")
    assert finding.confidence is Confidence.HIGH


def by_squared_error(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a - b).pow(2).sum(1).mean()


def by_cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (1 - (unit(a) * unit(b)).sum(dim=1)).mean()


@pytest.mark.parametrize("pull", [by_squared_error, by_cosine, F.mse_loss])
@pytest.mark.parametrize("teacher", [False, True], ids=["both learn", "one rests"])
def test_two_towers_that_only_pull_are_found_where_both_learn(
    pull: Callable[..., torch.Tensor], teacher: bool
) -> None:
    def step(s: Setting) -> torch.Tensor:
        x, y, _ = s.batch()
        (second,) = s.own("held", lambda: [network()])  # a list hides it from the optimizer
        if not teacher:
            s.own("tower", lambda: second)
        s.memory["watched"] = {"one": s.model, "other": second}
        return pull(s.model(x), second(y))

    diagnosis = train(step)
    if teacher:
        assert found(diagnosis, "CD208") == []
        assert "one may not learn" in reason(diagnosis, "CD208")
        return
    findings = found(diagnosis, "CD208")
    assert {finding.where.model for finding in findings} == {"one", "other"}
    lines = [finding.where.source or "" for finding in findings]
    assert all("pull(s.model(x)" in line or line.startswith("return (") for line in lines)


def test_what_a_stop_gradient_lacks_is_said() -> None:
    (finding,) = found(train(SICK["stop_gradient_without_predictor"]), "CD208")
    assert "needs a predictor" in finding.cause
    assert finding.where.source == "return -F.cosine_similarity(z1, z2.detach()).mean() / 2"
    (finding,) = found(train(SICK["simsiam_without_stop_gradient"]), "CD208")
    assert "has to be cut off" in finding.cause


def test_rows_that_are_kept_apart_by_what_nobody_saw_are_no_finding() -> None:
    diagnosis = train(SICK["one_less_cosine"], steps=210, rate=1e-8)
    assert found(diagnosis, "CD208") == []
    assert "its spread has not fallen" in reason(diagnosis, "CD208")


def test_a_tensor_pulled_to_itself_is_an_alias_and_nothing_else() -> None:
    def itself(s: Setting) -> torch.Tensor:
        z = s.model(s.batch()[0])
        return (1 - F.cosine_similarity(z, z)).mean()

    diagnosis = train(itself)
    assert found(diagnosis, "CD101")
    assert found(diagnosis, "CD208") == []
    assert "one thing" in reason(diagnosis, "CD208")
    (finding,) = found(diagnosis, "CD207")
    assert finding.confidence is Confidence.HIGH
    assert "what it compares here is one thing" in finding.message
    assert found(diagnosis, "CD101")[0].explains == ("CD207",)


def test_a_loss_unknown_at_the_first_step_alone_is_one_of_parts_that_were_not_heard_yet() -> None:
    first, second = Objective(0, 0, 1.0), Objective(1, 1, 1.0)
    known = [Objective(step, step, 1.0, outputs=(("model", "head"),)) for step in (1, 2)]
    assert not has_unknown([first, *known], known)
    assert has_unknown([first, second, *known], known)
    assert has_unknown([first], [])
    from_start = [Objective(0, 0, 1.0, outputs=(("model", "head"),)), *known]
    assert has_unknown([first, *from_start], from_start)


def test_another_loss_nobody_knows_the_use_of_keeps_it_silent() -> None:
    def two(s: Setting) -> torch.Tensor:
        x, y, labels = s.batch()
        body = s.model[:2]  # type: ignore[index]
        head = s.own("classes", lambda: nn.Linear(48, 2))
        F.cross_entropy(head(body(x)), labels).backward()
        return F.mse_loss(s.model(x), s.model(y))

    assert found(train(two), "CD208") == []
    assert "another loss was seen" in reason(train(two), "CD208")


# CD207: a network is thrown into saturation, and every loss goes to its own value


def dies(loss_of: Callable[..., torch.Tensor], at: int = 20) -> Step:
    def step(s: Setting) -> torch.Tensor:
        if s.step == at:
            with torch.no_grad():
                s.model[0].bias.fill_(-1e3)  # type: ignore[index]
        x, y, labels = s.batch()
        return loss_of(s.model(x), s.model(y), labels)

    return step


def hard_triplet(a: torch.Tensor, b: torch.Tensor, _labels: Any) -> torch.Tensor:
    near, far = F.pairwise_distance(a, b), F.pairwise_distance(a, b.roll(1, 0))
    return F.relu(near - far + 0.5).mean()


def nt_xent(a: torch.Tensor, b: torch.Tensor, _labels: Any) -> torch.Tensor:
    z = unit(torch.cat([a, b]))
    scores = (z @ z.T / 0.5).masked_fill(torch.eye(2 * ROWS, dtype=torch.bool), float("-inf"))
    places = torch.arange(ROWS)
    return F.cross_entropy(scores, torch.cat([places + ROWS, places]))


def by_label(a: torch.Tensor, b: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    same = 2 * (labels == labels.roll(1, 0)).long() - 1
    return F.cosine_embedding_loss(a, b.roll(1, 0), same, margin=0.2)


def vicreg(a: torch.Tensor, b: torch.Tensor, _labels: Any) -> torch.Tensor:
    apart = F.relu(1 - torch.sqrt(a.var(0) + 1e-4)) + F.relu(1 - torch.sqrt(b.var(0) + 1e-4))
    return 25 * F.mse_loss(a, b) + 25 * apart.mean() / 2


PLATEAUS: dict[str, tuple[Callable[..., torch.Tensor], str]] = {
    "triplet": (
        lambda a, b, _: F.triplet_margin_loss(a, b, b.roll(1, 0), margin=0.3),
        "a triplet loss of margin 0.3 gives its margin, 0.3,",
    ),
    "triplet by hand": (hard_triplet, "its margin, 0.5,"),
    "soft margin": (
        lambda a, b, _: F.softplus((a - b).norm(dim=1) - (a - b.roll(1, 0)).norm(dim=1)).mean(),
        "ln(2) = 0.6931",
    ),
    "info_nce": (
        lambda a, b, _: info_nce(a, b),
        "over 32 candidates gives ln(32) = 3.466",
    ),
    "nt_xent": (nt_xent, "ln(63) = 4.143"),
    "cosine embedding": (by_label, "a cosine embedding loss with"),
    "vicreg": (vicreg, "this loss gives 24.75 when"),
    "pull": (lambda a, b, _: F.mse_loss(a, b), "a loss that only pulls together gives 0 when"),
}


@pytest.mark.parametrize("name", PLATEAUS)
def test_a_loss_at_its_value_at_collapse_is_found(name: str) -> None:
    loss_of, words = PLATEAUS[name]
    diagnosis = train(dies(loss_of), steps=64, rate=1e-3)
    (finding,) = found(diagnosis, "CD207")
    assert words in finding.message
    assert finding.where.step is not None
    assert finding.where.step >= 20
    (cause,) = found(diagnosis, "CD301")
    assert "CD207" in cause.explains


def never(a: torch.Tensor, b: torch.Tensor, _labels: Any) -> torch.Tensor:
    return info_nce(a, b) + 0.1 * torch.pdist(a).mean()


def all_triplets(a: torch.Tensor, b: torch.Tensor, _labels: Any) -> torch.Tensor:
    """The mean over all triplets: it hovers at the margin, where rows are far from collapsed."""
    distances = torch.cdist(unit(a), unit(b))
    return F.relu(distances.unsqueeze(2) - distances.unsqueeze(1) + 0.2).mean()


@pytest.mark.parametrize(
    ("loss_of", "at", "rate"),
    [
        (never, 20, 1e-3),  # collapsed, but nobody knows the value of a sum with another term
        (all_triplets, 10**6, 1e-3),
        (lambda a, b, _: info_nce(1e-4 * unit(a), b), 10**6, 1e-5),  # near ln(32), untrained
        (lambda a, b, _: F.cross_entropy(1e-3 * a @ b.T, torch.arange(ROWS)), 10**6, 1e-6),
        (
            lambda a, b, _: F.cross_entropy(a @ b.T, torch.arange(ROWS), label_smoothing=0.9),
            10**6,
            1e-2,
        ),
        (lambda a, b, _: info_nce(a, b), 62, 1e-3),  # died just now
        (lambda a, b, _: F.triplet_margin_loss(a, b, a.roll(1, 0), margin=40.0), 10**6, 1e-6),
        (lambda a, _b, labels: F.cross_entropy(1e-3 * a[:, :2], labels), 10**6, 1e-6),
        (lambda a, b, _: F.softplus((a - b).norm(dim=1) * 1e-3).mean(), 10**6, 1e-6),
        (by_label, 10**6, 1e-2),
        (vicreg, 10**6, 1e-2),
    ],
)
def test_a_loss_near_that_value_is_no_finding_by_itself(
    loss_of: Callable[..., torch.Tensor], at: int, rate: float
) -> None:
    assert found(train(dies(loss_of, at), steps=64, rate=rate), "CD207") == []


# Hand-made measurements


def objective(step: int, value: float | None, collapsed: float | None = 0.2) -> Objective:
    outputs = (("model", "output"),)
    return Objective(step, step, value, collapsed, "a triplet loss", "its margin", outputs)


COLLAPSED = {"relative_dispersion": 0.004, "direction_dispersion": 0.004, "mean_cosine": 0.99998}
Check = Callable[[str, Measurements], Sequence[Match]]


@pytest.mark.parametrize(
    ("values", "confidence"),
    [
        ((0.2, 0.2, 0.2), Confidence.HIGH),
        ((0.2, 0.201, 0.2), Confidence.MEDIUM),
        ((0.2, 0.2, 0.2041), None),
        ((0.2, 0.2), None),
        ((0.2, None, 0.2), None),
        ((0.3, 0.2, 0.2), Confidence.HIGH),  # and equal embeddings from then on
        ((0.3, 0.3, 0.2), None),
    ],
)
def test_how_near_the_value_must_be_met(
    training_of: Any, check: Check, values: tuple[float, ...], confidence: Confidence | None
) -> None:
    seen = [objective(200 + step, value) for step, value in enumerate(values)]
    measurements = training_of(COLLAPSED, objectives=tuple(seen))
    if len(values) < 3:
        with pytest.raises(NotExamined, match="at 2 steps only"):
            check("CD207", measurements)
        return
    matches = check("CD207", measurements)
    assert [match.confidence for match in matches] == ([confidence] if confidence else [])


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ((0.3, 0.2, 0.2, 0.2, 0.2, 0.2), 286),
        ((0.2, 0.3, 0.2, 0.201, 0.2, 0.2), 287),
        ((0.2, 0.2, 0.2, 0.2, 0.2, 0.2), 285),
    ],
)
def test_it_is_told_since_when_the_loss_has_been_there(
    training_of: Any, check: Check, values: tuple[float, ...], step: int
) -> None:
    seen = [objective(285 + number, value) for number, value in enumerate(values)]
    (match,) = check("CD207", training_of(COLLAPSED, objectives=tuple(seen)))
    assert match.where.step == step


def test_it_is_told_of_no_step_before_all_embeddings_were_equal(
    training_of: Any, check: Check
) -> None:
    seen = [objective(step, 0.2) for step in range(0, 301, 20)]
    (match,) = check("CD207", training_of(COLLAPSED, objectives=tuple(seen)))
    assert match.where.step == 100, "where the layer's values turn"


def test_short_logits_are_one_only_where_training_has_shortened_them(
    training_of: Any, check: Check
) -> None:
    def run(first: float, now: float, logits: float | None) -> Sequence[Match]:
        uniform = math.log(64)
        seen = tuple(
            structs.replace(objective(step, uniform), collapsed=uniform, logits=logits)
            for step in (200, 201, 202)
        )
        return check(
            "CD207", training_of({"norm_mean": now}, {"norm_mean": first}, objectives=seen)
        )

    assert len(run(8.0, 1.0, 1.0)) == 1
    assert run(8.0, 1.0, None) == []  # more was done with them
    assert run(8.0, 1.0, 10.0) == []  # a temperature makes them long enough
    assert run(1.0, 1.0, 1.0) == []  # born so short
    assert run(30.0, 8.0, 1.0) == []  # short of what they were, and long enough


def test_a_loss_that_met_its_value_before_the_rows_did_is_no_finding(
    training_of: Any, check: Check
) -> None:
    seen = tuple(objective(step, 0.2) for step in (0, 1, 2))
    assert check("CD207", training_of(COLLAPSED, objectives=seen)) == []
    seen = tuple(objective(step, 0.2) for step in (200, 201, 202))
    assert check("CD207", training_of(objectives=seen)) == []


def test_without_a_loss_nothing_is_examined(training_of: Any, file_of: Any, check: Check) -> None:
    for code in ("CD207", "CD208"):
        with pytest.raises(NotExamined, match="a file does not show"):
            check(code, file_of())
        with pytest.raises(NotExamined, match="`backward` was not seen"):
            check(code, training_of())
        with pytest.raises(NotExamined, match="no optimizer"):
            check(code, training_of(trained=False, objectives=(objective(0, 0.2),)))
    unknown = Objective(0, 0, 1.0, outputs=(("model", "output"),), others=("a sum",))
    with pytest.raises(NotExamined, match=r"is not known \(it has a sum\)"):
        check("CD207", training_of(objectives=(unknown,)))


def pulling(step: int, left: Party, right: Party, **other: Any) -> Objective:
    site = CallSite("train.py", 12, "main", "loss = (z1 - z2).pow(2).mean()")
    outputs = (("model", "output"),)
    return Objective(
        step, step, 0.1, 0.0, outputs=outputs, pulls=(Pull(left, right, site),), **other
    )


OWN = Party("model", "output")


@pytest.mark.parametrize(
    ("left", "right", "others", "expected"),
    [
        (OWN, OWN, (), True),
        (OWN, Party("model", "output", cut=True), (), True),
        (OWN, Party("model", "output", heads=2), (), True),
        (Party("model", "output", heads=2), Party("model", "output", cut=True), (), False),
        (OWN, Party("model", "output", heads=2, cut=True), (), True),  # cut on the wrong side
        (OWN, Party("model", "output", heads=2, cut=True, past=True), (), False),
        (OWN, Party("teacher", "output", cut=True), (), False),
        (OWN, Party("model", "output", cut=True, past=True), (), False),
        (OWN, OWN, ("a cross-entropy",), False),
        (OWN, OWN, ("a term that pushes apart",), False),
    ],
)
def test_which_pulls_are_excused(
    training_of: Any,
    check: Check,
    left: Party,
    right: Party,
    others: tuple[str, ...],
    expected: bool,
) -> None:
    seen = tuple(pulling(step, left, right, others=others) for step in range(6))
    measurements = training_of(COLLAPSED, objectives=seen)
    assert bool(check("CD208", measurements)) == expected


def taken_in(model: str, *, learned: bool) -> Intake:
    return Intake(0, 0, model, "x", "float32", (32, 8), 32, 32, 32, 32, True, learned=learned)


@pytest.mark.parametrize(
    ("learned", "expected"), [((True, True), True), ((False, False), False), ((True, False), False)]
)
def test_a_predictor_that_is_watched_by_itself_is_no_teacher(
    training_of: Any, layer_of: Any, check: Check, learned: tuple[bool, bool], expected: bool
) -> None:
    seen = tuple(pulling(step, OWN, Party("head", "output", cut=True)) for step in range(6))
    given = [taken_in("model", learned=False), *(taken_in("head", learned=one) for one in learned)]
    head = layer_of(COLLAPSED, first={}, model="head")
    measurements = training_of(COLLAPSED, objectives=seen, intakes=tuple(given))
    measurements = replace(measurements, layers=(*measurements.layers, head))
    assert bool(check("CD208", measurements)) == expected


def test_a_target_made_of_the_rows_themselves_must_have_drawn_them_together(
    training_of: Any, check: Check
) -> None:
    cut = Party("model", "output", heads=2, cut=True)
    seen = tuple(pulling(step, OWN, cut) for step in range(6))
    spread = {"relative_dispersion": 0.4, "direction_dispersion": 0.4}
    with pytest.raises(NotExamined, match="might be a teacher's"):
        check("CD208", training_of(spread, objectives=seen))


@pytest.mark.parametrize(
    ("now", "steps", "confidence"),
    [
        (1.0, 199, None),
        (0.9, 199, Confidence.MEDIUM),
        (0.9, 200, None),
        (0.5, 200, Confidence.MEDIUM),
        (0.3, 200, Confidence.HIGH),
    ],
)
def test_how_far_the_spread_must_have_fallen(
    training_of: Any, check: Check, now: float, steps: int, confidence: Confidence | None
) -> None:
    spread = {"relative_dispersion": now, "direction_dispersion": now}
    seen = tuple(pulling(step, OWN, OWN) for step in range(6))
    measurements = training_of(spread, objectives=seen, steps=steps)
    if confidence is None:
        with pytest.raises(NotExamined, match="has not fallen"):
            check("CD208", measurements)
        return
    assert [match.confidence for match in check("CD208", measurements)] == [confidence]


def test_a_few_looks_are_too_few(training_of: Any, check: Check) -> None:
    seen = tuple(pulling(step, OWN, OWN) for step in range(5))
    with pytest.raises(NotExamined, match="at 5 steps only, of 6"):
        check("CD208", training_of(COLLAPSED, objectives=seen))


def test_the_value_stands_beside_that_of_the_collapse() -> None:
    finding = found(train(dies(PLATEAUS["info_nce"][0]), steps=64, rate=1e-3), "CD207")[0]
    assert finding.evidence["loss"].null == pytest.approx(math.log(ROWS))
    assert int(finding.evidence["looks"].value) >= 3


def by_a_tiny_temperature(s: Setting) -> torch.Tensor:
    x, y, _ = s.batch()
    a, b = F.normalize(s.model(x), dim=-1), F.normalize(s.model(y), dim=-1)
    logits = a @ b.T * 1e-3  # here
    labels = torch.arange(len(a))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def by_a_large_divisor(s: Setting) -> torch.Tensor:
    x, y, _ = s.batch()
    a, b = F.normalize(s.model(x), dim=-1), F.normalize(s.model(y), dim=-1)
    logits = torch.matmul(a, b.t()) / 500  # here
    return -logits.log_softmax(dim=1).diagonal().mean()


@pytest.mark.parametrize("step", [by_a_tiny_temperature, by_a_large_divisor])
def test_a_loss_that_can_be_nowhere_else_is_found(step: Step) -> None:
    (finding,) = found(train(step), "CD207")
    assert finding.where.step == 0
    assert (finding.where.source or "").endswith("# here")


def test_a_loss_whose_cosines_are_scaled_by_one_is_none() -> None:
    def step(s: Setting) -> torch.Tensor:
        x, y, _ = s.batch()
        a, b = F.normalize(s.model(x), dim=-1), F.normalize(s.model(y), dim=-1)
        return F.cross_entropy(a @ b.T * 0.5, torch.arange(len(a)))

    assert found(train(step), "CD207") == []


def test_products_of_tables_of_zeros_stay_at_the_value_at_collapse() -> None:
    torch.manual_seed(0)
    users, items = nn.Embedding(30, 8), nn.Embedding(40, 8)
    nn.init.zeros_(users.weight)
    nn.init.zeros_(items.weight)
    optimizer = torch.optim.SGD([*users.parameters(), *items.parameters()], lr=0.1)
    with Inspector({"users": users, "items": items}) as inspector:
        for _ in range(8):
            u, near, far = users(torch.arange(20)), items(torch.arange(20)), torch.arange(20, 40)
            gap = (u * near).sum(1) - (u * items(far)).sum(1)
            loss = F.softplus(-gap).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    diagnosis = inspector.diagnose()
    (finding,) = found(diagnosis, "CD207")
    assert "0.6931" in finding.message
    assert found(diagnosis, "CD402")[0].explains == ("CD203", "CD207")


def test_rows_nearer_than_a_margin_can_tell_are_one_for_that_loss() -> None:
    def melts(s: Setting) -> torch.Tensor:
        with torch.no_grad():
            for parameter in s.model.parameters():
                parameter.mul_(0.8)
        x, y, _ = s.batch()
        a = s.model(x)
        return F.triplet_margin_loss(a, s.model(y), a.roll(1, 0), margin=0.5)

    (finding,) = found(train(melts, steps=40, rate=1e-5), "CD207")
    assert (finding.where.source or "").startswith("return F.triplet_margin_loss")
