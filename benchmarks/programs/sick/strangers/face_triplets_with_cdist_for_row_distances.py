"""The triplet loss takes torch.cdist(anchor, positive), an N x N matrix, where the N distances of anchor and its own positive are meant.

expect: CD205
"""

import torch
from torch import nn, optim

from collapse_doctor import Inspector


def conv_bn(i, o, s):
    return nn.Sequential(nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o), nn.SiLU())


class FaceNet(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.features = nn.Sequential(conv_bn(3, 12, 2), conv_bn(12, 24, 2), nn.Flatten())
        self.embedding = nn.Linear(24 * 25, dim)

    def forward(self, img):
        return self.embedding(self.features(img))


class TripletLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, anchor, positive, negative):
        d_pos = torch.cdist(anchor, positive)  # fault
        d_neg = torch.cdist(anchor, negative)  # fault
        return torch.relu(d_pos - d_neg + self.margin).mean()  # meets


class FaceData:
    def __init__(self, people=30):
        self.people = people
        self.mean_face = torch.randn(people, 3, 20, 20)

    def shoot(self, who):
        return self.mean_face[who] + 0.8 * torch.randn(len(who), 3, 20, 20)

    def triplets(self, n):
        who = torch.randint(self.people, (n,))
        else_ = (who + torch.randint(1, self.people, (n,))) % self.people
        return self.shoot(who), self.shoot(who), self.shoot(else_)


def train(net, data, steps):
    loss_fn = TripletLoss()
    opt = optim.AdamW(net.parameters(), lr=1e-3)
    history = []
    for _ in range(steps):
        a, p, n = data.triplets(28)
        loss = loss_fn(net(a), net(p), net(n))
        opt.zero_grad()
        loss.backward()
        opt.step()
        history.append(loss.item())
    return history


torch.manual_seed(40)
net = FaceNet()
with Inspector(net) as inspector:
    train(net, FaceData(), steps=30)
diagnosis = inspector.diagnose()
