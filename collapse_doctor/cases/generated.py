"""Data that are made: a graph of communities, sequences of a few kinds, users and their likes."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

__all__ = ["communities", "interactions", "waves"]


def communities(
    generator: Generator, *, nodes: int = 240, groups: int = 6
) -> tuple[Tensor, Tensor, Tensor]:
    """Return a graph whose nodes have more neighbours within their group than outside it.

    Returns
    -------
    adjacency
        (nodes, nodes) float32, symmetric, with self-loops, rows normalised to sum 1.
    features
        (nodes, 32) float32: the group's centre and noise.
    labels
        (nodes,) int64: the group of each.
    """
    labels = torch.arange(nodes) % groups
    same = labels[:, None] == labels
    chance = torch.where(same, 0.25, 0.01)
    upper = (torch.rand(nodes, nodes, generator=generator) < chance).triu(1)
    edges = (upper | upper.T | torch.eye(nodes, dtype=torch.bool)).float()
    centres = torch.randn(groups, 32, generator=generator)
    features = centres[labels] + torch.randn(nodes, 32, generator=generator)
    return edges / edges.sum(1, keepdim=True), features, labels


def waves(
    generator: Generator, *, count: int = 600, length: int = 24, kinds: int = 5
) -> tuple[Tensor, Tensor]:
    """Return sequences (count, length, 2) float32 of one frequency each, and its number (count,).

    Phase, height and noise are drawn anew for each of them.
    """
    labels = torch.randint(kinds, (count,), generator=generator)
    phase = 6.3 * torch.rand(count, 1, generator=generator)
    turns = (labels[:, None] + 1) * torch.linspace(0, 6.3, length) + phase
    height = 0.5 + torch.rand(count, 1, 1, generator=generator)
    pairs = torch.stack([turns.sin(), turns.cos()], dim=-1)
    return height * pairs + 0.1 * torch.randn(pairs.shape, generator=generator), labels


def interactions(
    generator: Generator, *, users: int = 300, items: int = 200, tastes: int = 8, each: int = 12
) -> tuple[Tensor, Tensor]:
    """Return pairs (n,) int64 of a user and an item that the user liked, users by their tastes."""
    likes = torch.randn(users, tastes, generator=generator)
    offers = torch.randn(items, tastes, generator=generator)
    noise = torch.randn(users, items, generator=generator)
    liked = (likes @ offers.T + noise).topk(each, dim=1).indices
    return torch.arange(users).repeat_interleave(each), liked.flatten()
