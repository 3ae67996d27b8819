"""The data set returns its first picture for every index.

expect: CD501
"""

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.programs.common import DIGITS, Encoder
from collapse_doctor import Inspector


class Pictures(Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[0]  # fault


model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _, x in zip(range(20), DataLoader(Pictures(DIGITS), 32, shuffle=True), strict=False):
        a, b = F.normalize(model(x), dim=1), F.normalize(model(x), dim=1)
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
