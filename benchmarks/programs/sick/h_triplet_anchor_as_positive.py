"""Speaker verification: the positive's utterance is looked up in the wrong variable.

expect: CD101
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class SpeakerEncoder(nn.Module):
    def __init__(self, mels=16, width=32):
        super().__init__()
        self.gru = nn.GRU(mels, 48, batch_first=True)
        self.proj = nn.Linear(48, width)

    def forward(self, frames):
        hidden, _ = self.gru(frames)
        return self.proj(hidden.mean(1))


class Trainer:
    def __init__(self, encoder):
        self.encoder = encoder
        self.voices = torch.randn(25, 1, 16)
        self.criterion = nn.TripletMarginLoss(margin=2.0)
        self.optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)

    def utterances(self, who):
        return self.voices[who] + 0.7 * torch.randn(len(who), 12, 16)

    def training_step(self):
        who = torch.randint(0, 25, (32,))
        other = (who + torch.randint(1, 25, (32,))) % 25
        embedded = {
            "anchor": self.encoder(self.utterances(who)),
            "same": self.encoder(self.utterances(who)),
            "other": self.encoder(self.utterances(other)),
        }
        order = ("anchor", "anchor", "other")  # fault
        return self.criterion(*(embedded[name] for name in order))  # meets # fault

    def fit(self, steps):
        for _ in range(steps):
            loss = self.training_step()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


trainer = Trainer(SpeakerEncoder())
with Inspector(trainer.encoder) as inspector:
    trainer.fit(25)
diagnosis = inspector.diagnose()
