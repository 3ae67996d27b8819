"""A classifier with nn.Softmax(dim=0) as its last layer and a log-likelihood by hand.

expect: CD206
"""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch import nn

from collapse_doctor import Inspector

data = load_wine()
x, y = torch.tensor(scale(data.data), dtype=torch.float32), torch.tensor(data.target)
model = nn.Sequential(
    nn.Linear(13, 32),
    nn.ReLU(),
    nn.Linear(32, 3),
    nn.Softmax(dim=0),  # fault
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)


def likelihood(p, labels):
    return -torch.log(p[torch.arange(len(labels)), labels] + 1e-9).mean()


with Inspector(model) as inspector:
    for epoch in range(6):
        for rows in torch.randperm(len(x)).split(30):
            probabilities = model(x[rows])  # shows
            loss = likelihood(probabilities, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
