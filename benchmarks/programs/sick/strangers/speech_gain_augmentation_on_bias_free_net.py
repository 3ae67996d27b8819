"""The only augmentation is a random gain, and a bias-free ReLU net just passes the gain on: positives always have cosine 1.

expect: CD105
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

torch.manual_seed(21)


def speakers(n=60, utterances=8, samples=256):
    t = torch.linspace(0, 1, samples)
    pitch = 5 + 40 * torch.rand(n, 1, 1)
    formant = 20 + 60 * torch.rand(n, 1, 1)
    phase = 6.28 * torch.rand(n, utterances, 1)
    wave = torch.sin(6.28 * pitch * t + phase) + 0.7 * torch.sin(6.28 * formant * t + 2 * phase)
    return (wave + 0.1 * torch.randn(n, utterances, samples)).flatten(0, 1)


def random_gain(wave, low=0.3, high=3.0):
    return wave * torch.empty(len(wave), 1).uniform_(low, high)  # fault


class WaveNetLite(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 24, 16, stride=4, bias=False),
            nn.ReLU(),  # fault
            nn.Conv1d(24, 48, 8, stride=2, bias=False),
            nn.ReLU(),
        )  # fault
        self.embed = nn.Linear(48, dim, bias=False)  # fault

    def forward(self, wave):
        return self.embed(self.conv(wave[:, None]).mean(dim=-1))


class PairMarginLoss(nn.Module):
    def __init__(self, margin=0.2):
        super().__init__()
        self.margin = margin

    def forward(self, a, b):
        pull = 1 - F.cosine_similarity(a, b)  # meets
        push = F.relu(F.cosine_similarity(a, b.roll(1, dims=0)) - self.margin)
        return pull.mean() + push.mean()


recordings = speakers()
model = WaveNetLite()
criterion = PairMarginLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=50)

with Inspector(model) as inspector:
    for step in range(50):
        wave = recordings[torch.randperm(len(recordings))[:64]]
        loss = criterion(model(random_gain(wave)), model(random_gain(wave)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 10 == 0:
            print(f"step {step:2d}  loss {loss.item():.4f}")

diagnosis = inspector.diagnose()
