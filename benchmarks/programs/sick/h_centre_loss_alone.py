"""Centre loss with learned centres, whose softmax loss was commented out.

expect: CD208
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)

net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
centres = nn.Embedding(10, 16)
classifier = nn.Linear(16, 10)
opt = torch.optim.Adam([*net.parameters(), *centres.parameters()], lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        i = torch.randint(0, len(X), (64,))
        z = net(X[i])
        # ce = nn.functional.cross_entropy(classifier(z), Y[i])
        loss = nn.functional.mse_loss(z, centres(Y[i]))  # fault # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
