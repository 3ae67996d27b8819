"""Siamese network for signatures whose forward hands back the left branch twice.

expect: CD101
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class SignatureNet(nn.Module):
    """Two branches, one set of weights."""

    def __init__(self, width=40):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, stride=2)
        self.fc = nn.Linear(8 * 5 * 5, width)

    def branch(self, img):
        h = torch.tanh(self.conv(img))
        return self.fc(h.flatten(1))

    def forward(self, left, right):
        left = self.branch(left)
        return left, left  # fault


def make_pairs(n, writers):
    a = torch.randint(0, len(writers), (n,))
    genuine = torch.rand(n) < 0.5
    b = torch.where(genuine, a, (a + 1) % len(writers))
    noise = lambda: 0.4 * torch.randn(n, 1, 12, 12)
    return writers[a] + noise(), writers[b] + noise(), genuine.float() * 2 - 1


def main():
    writers = torch.randn(30, 1, 12, 12)
    net = SignatureNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    with Inspector(net) as inspector:
        for _ in range(25):
            left, right, target = make_pairs(48, writers)
            e1, e2 = net(left, right)
            loss = F.cosine_embedding_loss(e1, e2, target, margin=0.3)  # meets
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


diagnosis = main()
