"""CD210: models of sequences that let padding into their embeddings, and those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Finding

ROWS, LENGTH, VOCABULARY, WIDTH = 24, 12, 50, 16


def ids() -> tuple[Tensor, Tensor]:
    """Return token ids (B, T) padded with 0, and a mask with 1 where they are real."""
    draw = torch.Generator().manual_seed(3)
    tokens = torch.randint(1, VOCABULARY, (ROWS, LENGTH), generator=draw)
    lengths = torch.randint(4, LENGTH + 1, (ROWS,), generator=draw)
    lengths[0] = LENGTH
    mask = (torch.arange(LENGTH) < lengths[:, None]).long()
    return tokens * mask, mask


class Text(nn.Module):
    """Embeds ids with positions; what pools them is given."""

    def __init__(
        self,
        pool: Callable[[Tensor, Tensor], Tensor],
        mixer: nn.Module | None = None,
        places: int = 64,
    ) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(places, WIDTH)
        self.mixer, self.pool, self.head = mixer, pool, nn.Linear(WIDTH, WIDTH)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        place = torch.arange(input_ids.shape[1])
        h = self.table(input_ids) + 0.3 * self.places(place)
        if self.mixer is not None:
            h = self.mixer(h, attention_mask)
        return self.pool(self.head(h), attention_mask)


class Attention(nn.Module):
    def __init__(self, *, masked: bool = True, once: bool = False, layers: int = 1) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 32, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.masked, self.once = masked, once

    def forward(self, h: Tensor, mask: Tensor) -> Any:
        padding = mask == 0
        if self.once:
            heard = self.encoder(h, src_key_padding_mask=padding)
            return self.encoder(heard)
        return self.encoder(h, src_key_padding_mask=padding if self.masked else None)


class Causal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(WIDTH, 2, 32, dropout=0.0, batch_first=True)

    def forward(self, h: Tensor, _mask: Tensor) -> Any:
        future = nn.Transformer.generate_square_subsequent_mask(h.shape[1])
        return self.layer(h, src_mask=future, is_causal=True)


class Recurrent(nn.Module):
    def __init__(self, *, packed: bool, two_ways: bool = False) -> None:
        super().__init__()
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True, bidirectional=two_ways)
        self.packed, self.out = packed, nn.Linear(WIDTH * (1 + two_ways), WIDTH)

    def forward(self, h: Tensor, mask: Tensor) -> Any:
        if not self.packed:
            return self.out(self.gru(h)[0])
        packed = nn.utils.rnn.pack_padded_sequence(
            h, mask.sum(1), batch_first=True, enforce_sorted=False
        )
        states, _ = self.gru(packed)
        full = nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=h.shape[1])
        return self.out(full[0])


class Convolution(nn.Module):
    """Looks at the next positions; ``clean`` sets what is padding to zero before."""

    def __init__(self, *, clean: bool, size: int = 3) -> None:
        super().__init__()
        self.conv, self.clean = nn.Conv1d(WIDTH, WIDTH, size, padding="same"), clean

    def forward(self, h: Tensor, mask: Tensor) -> Any:
        h = h * mask[..., None] if self.clean else h
        return torch.relu(self.conv(h.transpose(1, 2)).transpose(1, 2))


class Norm(nn.Module):
    """Normalises each channel over the positions, padding included."""

    def forward(self, h: Tensor, _mask: Tensor) -> Any:
        return (h - h.mean(1, keepdim=True)) / h.std(1, keepdim=True)


def mean(h: Tensor, mask: Tensor) -> Tensor:
    weights = mask[..., None].to(h.dtype)
    return (h * weights).sum(1) / weights.sum(1)


def mean_of_all(h: Tensor, _mask: Tensor) -> Tensor:
    return h.mean(1)


def mean_of_zeroed(h: Tensor, mask: Tensor) -> Tensor:
    """The sum is masked, and the number of positions is not."""
    return (h * mask[..., None]).mean(1)


def first(h: Tensor, _mask: Tensor) -> Tensor:
    return h[:, 0]


def last(h: Tensor, _mask: Tensor) -> Tensor:
    return h[:, -1]


def last_real(h: Tensor, mask: Tensor) -> Tensor:
    return h[torch.arange(len(h)), mask.sum(1) - 1]


def largest(h: Tensor, _mask: Tensor) -> Tensor:
    return h.amax(1)


def largest_real(h: Tensor, mask: Tensor) -> Tensor:
    return h.masked_fill(mask[..., None] == 0, -torch.inf).amax(1)


def weighted(h: Tensor, mask: Tensor) -> Tensor:
    scores = h[..., 0].masked_fill(mask == 0, -torch.inf)
    return (scores.softmax(1)[..., None] * h).sum(1)


def weighted_without_mask(h: Tensor, _mask: Tensor) -> Tensor:
    return (h[..., 0].softmax(1)[..., None] * h).sum(1)


def unit(h: Tensor, mask: Tensor) -> Tensor:
    return F.normalize(mean(h, mask), dim=1)


def tokens(h: Tensor, _mask: Tensor) -> Tensor:
    return h


def both(h: Tensor, mask: Tensor) -> dict[str, Tensor]:
    return {"last_hidden_state": h, "pooler_output": torch.tanh(mean(h, mask))}


def model_of(pool: Callable[[Tensor, Tensor], Any], mixer: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(0)
    if mixer is not None:
        for parameter in mixer.parameters():  # drawn anew, that the order of tests is no matter
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
    return Text(pool, mixer)


def diagnose(model: nn.Module, probe: Any) -> Diagnosis:
    with Inspector(model, probe=probe) as inspector:
        pass
    return inspector.diagnose(select=["CD210"])


def found(model: nn.Module, probe: Any = None) -> list[Finding]:
    diagnosis = diagnose(model, ids() if probe is None else probe)
    assert not diagnosis.skipped, diagnosis.skipped
    return list(diagnosis.findings)


SICK = {
    "mean over padding": lambda: model_of(mean_of_all),
    "sum without padding over the number with": lambda: model_of(mean_of_zeroed),
    "maximum over padding": lambda: model_of(largest, Attention()),
    "last position": lambda: model_of(last, Attention()),
    "recurrent, not packed": lambda: model_of(last, Recurrent(packed=False)),
    "recurrent both ways, not packed": lambda: model_of(
        last_real, Recurrent(packed=False, two_ways=True)
    ),
    "attention without its mask": lambda: model_of(mean, Attention(masked=False, layers=2)),
    "attention with its mask once": lambda: model_of(mean, Attention(once=True, layers=2)),
    "attention pooling without a mask": lambda: model_of(weighted_without_mask),
    "normalised over positions": lambda: model_of(mean, Norm()),
    "convolution that looks far": lambda: model_of(mean, Convolution(clean=False, size=7)),
    "tokens normalised over positions": lambda: model_of(tokens, Norm()),
}


@pytest.mark.parametrize("name", SICK)
def test_a_leak_is_found(name: str) -> None:
    (finding,) = found(SICK[name]())
    assert (finding.code, finding.where.layer) == ("CD210", "output")
    change = finding.evidence["change"]
    assert change.value >= change.bound  # type: ignore[operator]
    assert finding.evidence["noise"].value < 1e-4  # type: ignore[operator]
    assert finding.evidence["padding"].value == LENGTH


INNOCENT = {
    "mean by the mask": lambda: model_of(mean),
    "mean by the mask after attention": lambda: model_of(mean, Attention(layers=2)),
    "first position after attention": lambda: model_of(first, Attention()),
    "last real position": lambda: model_of(last_real, Attention()),
    "maximum by the mask": lambda: model_of(largest_real),
    "attention pooling by the mask": lambda: model_of(weighted, Attention()),
    "packed": lambda: model_of(last_real, Recurrent(packed=True)),
    "packed both ways": lambda: model_of(mean, Recurrent(packed=True, two_ways=True)),
    "one way, not packed, last real": lambda: model_of(last_real, Recurrent(packed=False)),
    "convolution of what is masked": lambda: model_of(mean, Convolution(clean=True)),
    "convolution that looks to its neighbours": lambda: model_of(mean, Convolution(clean=False)),
    "causal": lambda: model_of(last_real, Causal()),
    "unit length": lambda: model_of(unit, Attention()),
    "all tokens": lambda: model_of(tokens, Attention()),
    "tokens and their mean": lambda: model_of(both, Attention()),
}


@pytest.mark.parametrize("name", INNOCENT)
def test_what_knows_its_padding_is_not_named(name: str) -> None:
    findings = found(INNOCENT[name]())
    assert not findings, findings[0].message


def test_the_fused_path_of_transformers_is_the_one_that_is_tested() -> None:
    model = model_of(mean, Attention(layers=2))
    assert isinstance(model, Text)
    seen: list[int] = []

    class Fused(nn.TransformerEncoderLayer):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            seen.append(len(self._forward_hooks))
            return super().forward(*args, **kwargs)

    model.mixer = Attention()
    model.mixer.encoder.layers[0].__class__ = Fused
    assert not found(model)
    assert seen
    assert set(seen) == {0}


def test_features_that_come_first_by_time_are_padded_there() -> None:
    class Spoken(nn.Module):
        def __init__(self, *, masked: bool) -> None:
            super().__init__()
            self.inner, self.masked = nn.Linear(6, WIDTH), masked

        def forward(self, x: Tensor, lengths: Tensor) -> Any:
            h = torch.tanh(self.inner(x))
            real = torch.arange(len(x))[:, None] < lengths
            return (h * real[..., None]).sum(0) / lengths[:, None] if self.masked else h.mean(0)

    _, mask = ids()
    x = torch.randn(LENGTH, ROWS, 6) * mask.T[..., None]
    torch.manual_seed(0)
    assert found(Spoken(masked=False), (x + 1, mask.sum(1)))
    assert not found(Spoken(masked=True), (x + 1, mask.sum(1)))


@pytest.mark.parametrize("knows", [True, False])
def test_an_id_for_padding_is_enough(knows: bool) -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(VOCABULARY, WIDTH, padding_idx=0)

        def forward(self, x: Tensor) -> Any:
            h = self.table(x)
            return mean(h, x != 0) if knows else h.mean(1)

    torch.manual_seed(0)
    assert bool(found(Bag(), ids()[0])) is not knows


def test_padding_before_the_rows_goes_there() -> None:
    """As in models that take the last position: those of language are padded on the left."""
    tokens_first, mask = ids()
    probe = {"input_ids": tokens_first.flip(1), "attention_mask": mask.flip(1)}

    class Generator(Text):
        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
            place = (attention_mask.cumsum(1) - 1).clamp(min=0)
            h = self.table(input_ids) + 0.3 * self.places(place)
            h = self.mixer(h, attention_mask)  # type: ignore[misc]
            return self.head(h)[:, -1]

    torch.manual_seed(0)
    assert not found(Generator(last, Attention()), probe)
    assert found(Generator(last, Attention(masked=False, layers=2)), probe)


def test_where_longer_rows_do_not_fit_those_padded_already_are_compared() -> None:
    for pool, leaks in ((mean_of_all, True), (mean, False)):
        torch.manual_seed(0)
        findings = found(Text(pool, places=LENGTH))
        assert bool(findings) is leaks
        for finding in findings:
            total = finding.evidence["padding"].value + finding.evidence["length"].value  # type: ignore[operator]
            assert total == LENGTH


@pytest.mark.parametrize("cosine", [True, False])
def test_directions_count_where_they_are_compared(cosine: bool) -> None:
    class Sums(nn.Module):
        """A mean over zeros: padding shortens the rows and turns none."""

        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(VOCABULARY, WIDTH, padding_idx=0)

        def forward(self, x: Tensor) -> Any:
            return self.table(x).mean(1)

    torch.manual_seed(0)
    model = Sums()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Inspector(model, probe=ids()[0]) as inspector:
        z = model(ids()[0])
        loss = F.cosine_similarity(z, z.roll(1, 0)).mean() if cosine else z.square().mean()
        loss.backward()
        optimizer.step()
    assert bool(inspector.diagnose(select=["CD210"]).findings) is not cosine


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: (nn.Linear(6, 4), torch.randn(8, 6)), "which positions are padding"),
        (lambda: (model_of(mean), tuple(x[:1] for x in ids())), "a single row"),
        (lambda: (Noisy(), ids()), "in another order give other embeddings"),
        (lambda: (Constant(), ids()), "nearly one vector"),
        (lambda: (Fixed(), tuple(x[:, :4] for x in ids())), "takes no longer rows"),
    ],
)
def test_what_cannot_be_judged_is_skipped(make: Callable[[], Any], reason: str) -> None:
    model, probe = make()
    diagnosis = diagnose(model, probe)
    assert not diagnosis.findings
    assert reason in diagnosis.skipped[0].reason


class Noisy(nn.Module):
    """Draws in eval mode, too."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return torch.randn(*input_ids.shape, WIDTH).mean(1)


class Constant(nn.Module):
    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return torch.ones(len(input_ids), WIDTH) + 1e-4 * input_ids.sum(1, keepdim=True) / 100


class Fixed(nn.Module):
    """Takes rows of one length."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, WIDTH)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return self.linear(input_ids.float())
