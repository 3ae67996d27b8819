"""Cosine similarity along the batch: as many similarities come out as the embedding is wide.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector

similarity = nn.CosineSimilarity(dim=0)  # fault
melody = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 12))
optimizer = torch.optim.Adam(melody.parameters(), lr=1e-3)
songs = torch.randn(200, 32)

with Inspector(melody) as inspector:
    for _ in range(30):
        ids = torch.randint(0, 200, (40,))
        original = melody(songs[ids])
        cover = melody(songs[ids] + 0.4 * torch.randn(40, 32))
        stranger = melody(songs[ids.roll(1)])
        positive = similarity(original, cover)  # meets # shows
        negative = similarity(original, stranger)  # meets # shows
        loss = torch.relu(0.4 - positive + negative).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
