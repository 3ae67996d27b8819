"""CosineEmbeddingLoss whose labels were built from matching pairs alone: all are +1.

expect: CD208
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

data = load_digits()
images = torch.tensor(data.data, dtype=torch.float32) / 16
labels = torch.tensor(data.target)
order = labels.argsort(stable=True)
left, right = order[0:-1:2], order[1::2]
match = labels[left] == labels[right]
left, right = left[match], right[match]  # fault
pairs = TensorDataset(images[left], images[right], torch.ones(len(left)))  # fault

net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 20))
criterion = nn.CosineEmbeddingLoss(margin=0.5)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

with Inspector(net) as inspector:
    for _ in range(2):
        for a, b, y in DataLoader(pairs, batch_size=32, shuffle=True, drop_last=True):
            loss = criterion(net(a), net(b), y)  # shows # meets
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
