"""The networks of the cases: small, ordinary, and quick to train on two cores."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

__all__ = ["ConvNet", "TextEncoder", "conv_layers", "mlp"]


def mlp(*widths: int, norm: bool = False) -> nn.Sequential:
    """Return linear layers of these widths with ReLU between them.

    Parameters
    ----------
    widths
        Of the input, of each hidden layer, of the output.
    norm
        Whether batch normalisation comes before each ReLU.
    """
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers.append(nn.Linear(before, after))
        layers += [nn.BatchNorm1d(after)] * norm
        layers.append(nn.ReLU())
    return nn.Sequential(*layers[: -2 if norm else -1])


def conv_layers() -> list[nn.Module]:
    """Return two plain convolutions: (n, 1, 8, 8) images to (n, 1024) features."""
    return [
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Flatten(),
    ]  # fmt: skip


class ConvNet(nn.Module):
    """Two convolutions and a linear layer: (n, 1, 8, 8) images to (n, width) vectors."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(64 * 4 * 4, width)

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, 1, 8, 8) to (n, width)."""
        vectors: Tensor = self.head(self.features(images).flatten(1))
        return vectors


class TextEncoder(nn.Module):
    """A one-layer transformer with mean pooling over what is not padding."""

    def __init__(self, words: int, width: int = 64) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.places = nn.Embedding(64, width)
        self.block = nn.TransformerEncoderLayer(
            width, nhead=4, dim_feedforward=2 * width, dropout=0.1, batch_first=True
        )

    def forward(self, ids: Tensor) -> Tensor:
        """Map word ids (n, length), 0 being padding, to (n, width)."""
        padding = ids == 0
        states = self.words(ids) + self.places.weight[: ids.shape[1]]
        states = self.block(states, src_key_padding_mask=padding)
        kept = (~padding).unsqueeze(-1).float()
        vectors: Tensor = (states * kept).sum(1) / kept.sum(1).clamp(min=1)
        return vectors
