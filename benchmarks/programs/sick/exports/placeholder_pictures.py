"""Pictures of one class could not be read, and the loader put in the same grey one for each.

The embeddings of all classes are exported after training and looked at with their labels.

expect: CD307
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import analyze


class Pictures(Dataset):
    def __init__(self):
        self.kinds = torch.randn(6, 3, 8, 8)
        self.labels = [kind for kind in range(5) for _ in range(60)] + [5] * 14

    def __len__(self):
        return len(self.labels)

    def read(self, index):
        if self.labels[index] == 5:
            raise OSError("truncated")
        return self.kinds[self.labels[index]] + torch.randn(3, 8, 8)

    def __getitem__(self, index):
        try:
            picture = self.read(index)
        except OSError:
            picture = torch.full((3, 8, 8), 0.5)
        return picture, self.labels[index]


body = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 32))
head = nn.Linear(32, 6)
optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.02)
data = Pictures()
for pictures, labels in DataLoader(data, batch_size=32, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(head(body(pictures)), labels).backward()
    optimizer.step()

rows, names = [], []
with torch.no_grad():
    for pictures, labels in DataLoader(data, batch_size=64):
        rows.append(body(pictures))
        names += labels.tolist()

diagnosis = analyze(torch.cat(rows), labels=names)
