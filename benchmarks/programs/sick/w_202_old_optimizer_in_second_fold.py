"""Cross-validation: the model is built anew for the second fold, the optimizer is not.

expect: CD202
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold
from torch import nn

from collapse_doctor import Inspector


def build():
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 8))


iris = load_iris()
x = torch.tensor((iris.data - iris.data.mean(0)) / iris.data.std(0), dtype=torch.float32)
y = torch.tensor(iris.target)

model = build()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)  # fault
for fold, (train, _) in enumerate(KFold(3, shuffle=True).split(x)):
    if fold:
        model = build()  # fault
    inspector = Inspector(model)
    with inspector:
        for _ in range(20):
            rows = torch.as_tensor(train)[torch.randint(0, len(train), (48,))]
            z = model(x[rows])
            distance = torch.cdist(z, z)
            same = y[rows][:, None] == y[rows][None]
            loss = torch.where(same, distance**2, F.relu(2 - distance) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if fold == 1:
        break

diagnosis = inspector.diagnose()
