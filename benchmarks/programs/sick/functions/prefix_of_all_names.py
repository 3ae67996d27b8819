"""Parameters are frozen by a prefix that all names begin with.

expect: CD202
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(20, 48), nn.GELU(), nn.Linear(48, 48))
        self.encoder_head = nn.Linear(48, 16)

    def forward(self, x):
        return self.encoder_head(torch.tanh(self.encoder(x)))


model = Model()
for name, p in model.named_parameters():
    if name.startswith("encoder"):
        p.requires_grad_(False)  # fault
scale = nn.Parameter(torch.tensor(2.0))
opt = torch.optim.SGD([*model.parameters(), scale], lr=0.1, momentum=0.9)
protos = torch.randn(8, 20)
with Inspector(model) as inspector:
    for i in range(50):
        y = torch.randint(0, 8, (32,))
        a = F.normalize(model(protos[y] + 0.3 * torch.randn(32, 20)), dim=-1)
        b = F.normalize(model(protos[y] + 0.3 * torch.randn(32, 20)), dim=-1)
        loss = F.cross_entropy(a @ b.T * scale.exp(), torch.arange(32))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
