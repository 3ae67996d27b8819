"""The negative of the triplet is the anchor with its sign turned.

expect: CD105
"""

from functools import partial

import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from collapse_doctor import Inspector

hinge = partial(torch.clamp, min=0)
songs = torch.randn(60, 20, 12)


def listen(which):
    """A noisy excerpt of each song."""
    start = torch.randint(0, 12, (1,)).item()
    clip = songs[which, start : start + 8]
    return clip + 0.3 * torch.randn_like(clip)


class AudioNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(12, 32, 3, padding=1)
        self.lin = nn.Linear(64, 24)

    def forward(self, clip):
        h = self.conv(clip.transpose(1, 2)).relu()
        return self.lin(torch.cat([h.mean(2), h.amax(2)], 1))


net = AudioNet()
optim = torch.optim.NAdam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        which = torch.randint(0, 60, (40,))
        anchor, positive = net(listen(which)), net(listen(which))
        negative = -anchor  # fault
        close = cosine_similarity(anchor, positive)
        far = cosine_similarity(anchor, negative)  # meets
        loss = hinge(0.5 - close + far).mean()
        optim.zero_grad()
        (loss + 0.1 * (1 - close).mean()).backward()
        optim.step()
diagnosis = inspector.diagnose()
