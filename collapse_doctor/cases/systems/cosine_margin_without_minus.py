"""Labels unlike pairs 0, for a cosine loss that knows 1 and -1.

The formula has y in {1, 0}: 1 - cos where y is 1, max(0, cos - margin) where it is 0.
`F.cosine_embedding_loss` has 1 and -1, and a pair labelled 0 adds nothing at all. So pairs are only
drawn together, and in the end every image has one direction. Cure: a margin against the other
pairs, by labelling them -1.

expect: CD208
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches

__all__ = ["train"]

MARGIN = 0.5


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train with pairs of digits, alike or not, as two halves of each batch."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 128))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    with Inspector(model, out=out) as inspector:
        for _ in range(6):
            for images, digits in digit_batches(generator):
                one, other = model(images[:32]), model(images[32:])
                alike = (digits[:32] == digits[32:]).float()
                # cure: alike = 2 * alike - 1
                loss = F.cosine_embedding_loss(one, other, alike, margin=MARGIN)  # shows
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss)
    return inspector.diagnose()
