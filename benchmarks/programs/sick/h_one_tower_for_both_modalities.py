"""Image and audio towers made by one call of the factory and put under both names.

expect: CD108
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from collapse_doctor import Inspector


def build_tower():
    return nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 16))


class TwoTowers(nn.Module):
    """An image tower and an audio tower, which are meant to have weights of their own."""

    def __init__(self):
        super().__init__()
        self.towers = nn.ModuleDict(
            dict.fromkeys(("image_tower", "audio_tower"), build_tower())
        )  # fault

    def forward(self, image, audio):
        i = self.towers["image_tower"](image)
        a = self.towers["audio_tower"](audio)  # shows
        return normalize(i, dim=1), normalize(a, dim=1)


net = TwoTowers()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
to_image, to_audio = torch.randn(6, 20), torch.randn(6, 20)
with Inspector(
    {"image": net.towers["image_tower"], "audio": net.towers["audio_tower"]}
) as inspector:
    for _ in range(30):
        event = torch.randn(48, 6)
        i, a = net(event @ to_image, event @ to_audio)  # shows
        logits = i @ a.T * 8  # meets
        truth = torch.arange(48)
        loss = cross_entropy(logits, truth) + cross_entropy(logits.T, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
