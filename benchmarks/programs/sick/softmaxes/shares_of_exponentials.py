"""NT-Xent from exponentials, without any softmax of torch; the temperature is 90, in per cent.

expect: CD207
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def nt_xent(one, two, temperature):
    z = torch.cat([one, two])
    z = z / z.norm(dim=1, keepdim=True)
    similar = torch.exp(torch.matmul(z, z.t()) / temperature)  # shows
    n = len(one)
    others = 1 - torch.eye(2 * n)
    positive = torch.cat([similar.diagonal(n), similar.diagonal(-n)])
    return -torch.log(positive / (similar * others).sum(1)).mean()


class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(28, 80), nn.Tanh())
        self.head = nn.Linear(80, 20)

    def forward(self, x):
        return self.head(self.body(x))


model = Projector()
opt = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
with Inspector(model) as inspector:
    for _ in range(60):
        x = torch.randn(40, 28)
        views = [model(x + 0.15 * torch.randn_like(x)) for _ in range(2)]
        loss = nt_xent(*views, temperature=90)  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
