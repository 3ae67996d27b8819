"""The per-utterance triplet losses are gathered in a list and averaged with torch.tensor(..., requires_grad=True), which is a new leaf.

expect: CD201
"""

from dataclasses import dataclass

import torch
from torch import nn

from collapse_doctor import Inspector


@dataclass
class Config:
    speakers: int = 12
    per_speaker: int = 3
    mels: int = 20
    frames: int = 30
    dim: int = 40
    margin: float = 0.4
    lr: float = 0.05
    steps: int = 30


class SpeakerNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.tdnn = nn.Sequential(
            nn.Conv1d(cfg.mels, 64, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(64, 64, 3, dilation=2),
            nn.ReLU(),
        )
        self.out = nn.Linear(128, cfg.dim)

    def forward(self, mel):
        h = self.tdnn(mel)
        stats = torch.cat([h.mean(-1), h.std(-1)], dim=1)
        return nn.functional.normalize(self.out(stats), dim=1)


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        self.net = SpeakerNet(cfg)
        self.opt = torch.optim.SGD(self.net.parameters(), lr=cfg.lr, momentum=0.9)
        self.voices = torch.randn(cfg.speakers, cfg.mels, 1)

    def sample(self):
        c = self.cfg
        label = torch.arange(c.speakers).repeat_interleave(c.per_speaker)
        mel = self.voices[label] + torch.randn(len(label), c.mels, c.frames)
        return mel, label

    def loss(self, emb, label):
        losses = []
        for i in range(len(emb)):
            same = (label == label[i]).nonzero().flatten()
            same = same[same != i]
            other = (label != label[i]).nonzero().flatten()
            p = emb[same[torch.randint(len(same), (1,))]]
            n = emb[other[torch.randint(len(other), (1,))]]
            d_ap = (emb[i] - p).pow(2).sum()
            d_an = (emb[i] - n).pow(2).sum()
            losses.append(torch.relu(d_ap - d_an + self.cfg.margin))  # meets
        return torch.tensor(losses, requires_grad=True).mean()  # fault

    def fit(self):
        for step in range(self.cfg.steps):
            mel, label = self.sample()
            loss = self.loss(self.net(mel), label)
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()


trainer = Trainer(Config())
with Inspector(trainer.net) as inspector:
    trainer.fit()
diagnosis = inspector.diagnose()
