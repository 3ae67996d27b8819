"""Two modality encoders whose backbone is a default argument, made once for both.

expect: CD108
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class ModalityEncoder(nn.Module):
    def __init__(self, name, backbone=nn.Sequential(nn.Linear(24, 48), nn.ReLU())):  # fault
        super().__init__()
        self.name = name
        self.backbone = backbone
        self.projection = nn.Linear(48, 16)

    def forward(self, x):
        return F.normalize(self.projection(self.backbone(x)), dim=-1)


audio, video = ModalityEncoder("audio"), ModalityEncoder("video")
log_scale = nn.Parameter(torch.tensor(2.0))
groups = [
    {"params": audio.parameters()},
    {"params": video.projection.parameters()},
    {"params": [log_scale]},
]
optimizer = torch.optim.AdamW(groups, lr=2e-3)
as_audio, as_video = torch.randn(10, 24), torch.randn(10, 24)

with Inspector({"audio": audio, "video": video}) as inspector:
    for _ in range(40):
        event = torch.randn(40, 10)
        a = audio(event @ as_audio + 0.3 * torch.randn(40, 24))
        v = video(event @ as_video + 0.3 * torch.randn(40, 24))
        logits = log_scale.exp() * a @ v.T
        y = torch.arange(40)
        loss = (F.cross_entropy(logits, y) + F.cross_entropy(logits.T, y)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
