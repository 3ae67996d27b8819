"""The usual smoke test: one fixed batch of triplets until the hinge is satisfied; loss and gradient go to 0 because the task is solved.

expect: healthy
"""

import sys

import torch
from torch import nn, optim
from torch.nn import functional as F

from collapse_doctor import Inspector


class VoiceNet(nn.Module):
    def __init__(self, mels=18, dim=24):
        super().__init__()
        self.lstm = nn.LSTM(mels, 40, batch_first=True, bidirectional=True)
        self.proj = nn.Linear(80, dim)

    def forward(self, mel):
        h, _ = self.lstm(mel)
        return F.normalize(self.proj(h.mean(dim=1)), dim=-1)


def one_batch(n=24):
    voice = torch.randn(n, 1, 18)
    say = lambda who: who + 2.0 * torch.randn(n, 20, 18)
    return {"anchor": say(voice), "positive": say(voice), "negative": say(voice.roll(5, dims=0))}


def smoke_test(net, batch, steps=60):
    opt = optim.Adam(net.parameters(), lr=1e-3)
    for step in range(steps):
        z = {name: net(mel) for name, mel in batch.items()}
        near = (z["anchor"] * z["positive"]).sum(-1)
        far = (z["anchor"] * z["negative"]).sum(-1)
        loss = F.relu(far - near + 0.8).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 20 == 0:
            print(f"{step:3d} {loss.item():.4f}", file=sys.stderr)
    return loss.item()


torch.manual_seed(62)
net = VoiceNet()
with Inspector(net) as inspector:
    final = smoke_test(net, one_batch())
diagnosis = inspector.diagnose()
