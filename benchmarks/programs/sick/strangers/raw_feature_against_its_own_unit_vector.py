"""The net returns (feature, unit embedding) and the pair loss compares these two of one image instead of the two images.

expect: CD105
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, IterableDataset

from collapse_doctor import Inspector


class SignaturePairs(IterableDataset):
    """Genuine pairs (1) and forgeries (-1) of small pen-stroke images."""

    def __init__(self, count=1500, writers=25):
        self.count = count
        self.style = torch.randn(writers, 1, 10, 14)

    def draw(self, writer):
        return self.style[writer] + 0.5 * torch.randn(1, 10, 14)

    def __iter__(self):
        for _ in range(self.count):
            left, right = torch.randint(len(self.style), (2,)).tolist()
            genuine = bool(torch.rand(()) < 0.5)
            right = left if genuine else right
            yield self.draw(left), self.draw(right), 1.0 if left == right else -1.0


class SignatureNet(nn.Module):
    def __init__(self, out=20):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 10, 3), nn.BatchNorm2d(10), nn.SiLU(), nn.AvgPool2d(2), nn.Flatten()
        )
        self.fc = nn.Linear(10 * 4 * 6, out)

    def forward(self, image):
        feature = self.fc(self.features(image))
        return feature, F.normalize(feature, p=2, dim=1)


class Verifier:
    def __init__(self, net):
        self.net = net
        self.loss = nn.CosineEmbeddingLoss(margin=0.1)
        self.opt = torch.optim.Adagrad(net.parameters(), lr=0.02)

    def update(self, left, right, target):
        feat1, emb1 = self.net(left)
        feat2, emb2 = self.net(right)
        loss = self.loss(emb1, feat1, target.float())  # fault  # meets
        loss = loss + 1e-3 * (feat1.pow(2).mean() + feat2.pow(2).mean())
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.detach()


verifier = Verifier(SignatureNet())
with Inspector(verifier.net) as inspector:
    for n, (left, right, target) in enumerate(DataLoader(SignaturePairs(), batch_size=50)):
        value = verifier.update(left, right, target)
        if n % 6 == 0:
            print(f"pair batch {n}: {value:.4f}")
diagnosis = inspector.diagnose()
