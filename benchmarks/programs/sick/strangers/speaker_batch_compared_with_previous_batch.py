"""Positives are the embeddings the previous batch left behind, detached and made by older weights; this batch never gets its own pair.

expect: CD106
first: 1
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

SPEAKERS, MFCC, FRAMES = 44, 13, 30


def utterances(voice, steps):
    """Each batch holds one utterance of every speaker, always in the same order."""
    for _ in range(steps):
        rhythm = torch.randn(SPEAKERS, MFCC, FRAMES)
        yield voice.unsqueeze(-1) + rhythm


class XVector(nn.Module):
    def __init__(self, dim=34):
        super().__init__()
        self.tdnn = nn.Sequential(
            nn.Conv1d(MFCC, 40, 5),
            nn.BatchNorm1d(40),
            nn.ReLU(),
            nn.Conv1d(40, 40, 3, dilation=2),
            nn.BatchNorm1d(40),
            nn.ReLU(),
        )
        self.segment = nn.Linear(80, dim)

    def forward(self, mfcc):
        h = self.tdnn(mfcc)
        return self.segment(torch.cat((h.mean(-1), h.std(-1)), dim=1))


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)
        self.previous = None

    def loss(self, current, previous, scale=12.0):
        cosine = F.cosine_similarity(current, previous, dim=-1)  # meets
        cross = F.normalize(current, dim=1) @ F.normalize(previous, dim=1).T
        return (torch.logsumexp(scale * cross, dim=1) - scale * cosine).mean()

    def fit(self, batches):
        for i, mfcc in enumerate(batches):
            vectors = self.model(mfcc)
            if self.previous is None:
                other = self.model(mfcc + 0.3 * torch.randn_like(mfcc))
            else:
                other = self.previous  # fault
            loss = self.loss(vectors, other)
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            self.previous = vectors.detach()  # fault
            if i % 8 == 0:
                print("iter", i, "loss", round(loss.item(), 4))


voice = 0.8 * torch.randn(SPEAKERS, MFCC)
trainer = Trainer(XVector(), lr=0.02)
with Inspector(trainer.model) as inspector:
    trainer.fit(utterances(voice, 45))
diagnosis = inspector.diagnose()
