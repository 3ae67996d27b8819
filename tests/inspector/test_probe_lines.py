"""The line of a model's source at which positions are mixed without a mask."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.inspector.probing.pooling import line_of_mixing


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(10, 8), nn.Linear(8, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)


class Mean(Base):
    def forward(self, ids: Tensor, mask: Tensor) -> Any:
        h = self.layer(self.embed(ids), src_key_padding_mask=mask == 0)
        pooled = h.mean(dim=1)  # here
        return self.out(pooled)


class MeanOfZeroed(Base):
    def forward(self, ids: Tensor, attention_mask: Tensor) -> Any:
        h = self.embed(ids) * attention_mask[..., None]
        return self.out(h).mean(1)  # here


class Largest(Base):
    def forward(self, ids: Tensor, lengths: Tensor) -> Any:
        valid = torch.arange(ids.shape[1]) < lengths[:, None]
        h = self.layer(self.embed(ids), src_key_padding_mask=~valid)
        return torch.amax(h, 1)  # here


class Unmasked(Base):
    def forward(self, ids: Tensor, mask: Tensor) -> Any:
        h = self.layer(self.embed(ids), src_key_padding_mask=None)  # here
        return (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


class Scores(Base):
    def forward(self, ids: Tensor, mask: Tensor) -> Any:
        h = self.embed(ids)
        weights = F.softmax(self.out(h).sum(-1), dim=1)  # here
        weights = weights * mask
        return (weights[..., None] * h).sum(1)


class Last(Base):
    def forward(self, ids: Tensor, mask: Tensor) -> Any:
        h = self.layer(self.embed(ids), src_key_padding_mask=mask == 0)
        return h[:, -1, :]  # here


class Unknown(Base):
    def forward(self, ids: Tensor, mask: Tensor) -> Any:  # here
        h = self.embed(ids).masked_fill(~mask[..., None], 0.0)
        return h.sum(1) / mask.sum(1, keepdim=True)


@pytest.mark.parametrize("kind", [Mean, MeanOfZeroed, Largest, Unmasked, Scores, Last, Unknown])
def test_the_line_that_mixes_positions_without_a_mask(kind: type[nn.Module]) -> None:
    site = line_of_mixing(nn.Sequential(kind()))
    assert site is not None
    assert site.source.endswith("# here")


def test_a_model_of_library_layers_has_no_such_line() -> None:
    assert line_of_mixing(nn.Sequential(nn.Linear(2, 2))) is None
