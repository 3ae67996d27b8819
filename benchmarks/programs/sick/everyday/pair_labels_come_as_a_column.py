"""The pair dataset gives labels of shape (B, 1) while the distances are (B,), and their product is B by B.

expect: CD205
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class SiamesePairs(Dataset):
    def __init__(self, n=1200):
        d = load_digits()
        self.img = (d.images / 16).astype("float32")
        self.lab = d.target
        self.groups = [np.flatnonzero(d.target == c) for c in range(10)]
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, k):
        i = np.random.randint(len(self.lab))
        if k % 2 == 0:
            j = np.random.choice(self.groups[self.lab[i]])
        else:
            j = np.random.randint(len(self.lab))
            while self.lab[j] == self.lab[i]:
                j = np.random.randint(len(self.lab))
        diff = np.array([int(self.lab[i] != self.lab[j])], dtype=np.float32)
        return (
            torch.from_numpy(self.img[i])[None],
            torch.from_numpy(self.img[j])[None],
            torch.from_numpy(diff),
        )  # fault


class SiameseNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(1, 4, 3),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(4),
            nn.ReflectionPad2d(1),
            nn.Conv2d(4, 8, 3),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(8),
        )
        self.fc = nn.Sequential(nn.Linear(8 * 64, 80), nn.ReLU(inplace=True), nn.Linear(80, 8))

    def forward_once(self, x):
        return self.fc(self.cnn(x).view(len(x), -1))

    def forward(self, a, b):
        return self.forward_once(a), self.forward_once(b)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        d = F.pairwise_distance(output1, output2)
        return torch.mean(
            (1 - label) * d**2 + label * torch.clamp(self.margin - d, min=0.0) ** 2
        )  # meets # fault


net = SiameseNetwork()
criterion = ContrastiveLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-4)
loader = DataLoader(SiamesePairs(), batch_size=48, shuffle=True)

with Inspector(net) as inspector:
    for epoch in range(2):
        for i, (img0, img1, label) in enumerate(loader):
            optimizer.zero_grad()
            o1, o2 = net(img0, img1)
            loss = criterion(o1, o2, label)
            loss.backward()
            optimizer.step()
        print("Epoch %d, current loss %.4f" % (epoch, loss.item()))
diagnosis = inspector.diagnose()
