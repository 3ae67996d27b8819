"""Kernel alignment with an RBF of gamma 1 in 32 dimensions, where squared distances are in the hundreds: the kernel is 0 to many places and the encoder gets next to no gradient.

expect: CD203
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(21)
pixels, labels = (torch.as_tensor(v) for v in load_digits(return_X_y=True))
pixels = pixels.float()
pixels = (pixels - pixels.mean(0)) / 2


class KernelNet(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 100), nn.Linear(100, 100), nn.Linear(100, dim)])
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


def rbf(z, gamma=1.0):  # fault
    sq = (z * z).sum(1)
    d2 = sq[:, None] + sq[None, :] - 2 * z @ z.T
    return torch.exp(-gamma * d2.clamp(min=0))


def kernel_loss(z, y):
    """K should be 1 inside a class and 0 between classes."""
    target = (y.unsqueeze(0) == y.unsqueeze(1)).float()
    off = ~torch.eye(len(y), dtype=torch.bool)
    return ((rbf(z) - target)[off] ** 2).mean()  # meets


net = KernelNet()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)

with Inspector(net) as inspector:
    for step in range(50):
        rows = torch.randint(0, len(pixels), (60,)).unique()
        loss = kernel_loss(net(pixels[rows]), labels[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
