"""Every ten steps leave-one-out retrieval compares the evaluated embeddings with themselves, in eval mode, and goes back to train.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

digits = load_digits()
X = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
Y = torch.tensor(digits.target)
X_train, Y_train, X_val, Y_val = X[:1500], Y[:1500], X[1500:], Y[1500:]


class ProxyNet(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(144, dim),
        )

    def forward(self, x):
        return self.conv(x)


@torch.no_grad()
def recall_at_1(model):
    model.eval()
    z = model(X_val)
    itself = F.cosine_similarity(z, z, dim=1)
    assert torch.allclose(itself, torch.ones_like(itself), atol=1e-4)
    sim = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T
    nearest = sim.fill_diagonal_(-1).argmax(1)
    model.train()
    return (Y_val[nearest] == Y_val).float().mean().item()


def proxy_anchor(z, proxies, y, alpha=12.0, delta=0.1):
    cos = F.normalize(z, dim=1) @ F.normalize(proxies, dim=1).T
    hit = F.one_hot(y, len(proxies)).bool()
    pull = torch.where(hit, torch.exp(-alpha * (cos - delta)), 0.0).sum(0)
    push = torch.where(hit, 0.0, torch.exp(alpha * (cos + delta))).sum(0)
    return torch.log1p(pull)[hit.any(0)].mean() + torch.log1p(push).mean()


model = ProxyNet()
proxies = nn.Parameter(torch.randn(10, 32))
optimizer = torch.optim.AdamW(
    [{"params": model.parameters(), "lr": 2e-3}, {"params": [proxies], "lr": 2e-2}]
)

with Inspector(model) as inspector:
    for step in range(50):
        idx = torch.randint(0, len(X_train), (80,))
        loss = proxy_anchor(model(X_train[idx]), proxies, Y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 9:
            print(step + 1, f"loss {loss.item():.3f} R@1 {recall_at_1(model):.3f}")
diagnosis = inspector.diagnose()
