"""Six sigmoid layers with the default initialisation, so hardly any gradient comes down to the first of them.

expect: CD203
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16.0, dtype=torch.float32)
y = torch.tensor(y)


class DeepEmbedder(nn.Module):
    def __init__(self, n_layers=6, hidden=50, out=16):
        super().__init__()
        dims = [64] + [hidden] * n_layers
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(dims[:-1], dims[1:]))
        self.embedding = nn.Linear(hidden, out)
        self.head = nn.Linear(out, 10)

    def embed(self, x):
        for layer in self.layers:
            x = torch.sigmoid(layer(x))  # fault
        return self.embedding(x)

    def forward(self, x):
        z = self.embed(x)
        return z, self.head(z)


model = DeepEmbedder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()

with Inspector(model) as inspector:
    for step in range(60):
        i = torch.randint(len(X), (64,))
        z, logits = model(X[i])
        loss = criterion(logits, y[i])  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            g = [layer.weight.grad.norm().item() for layer in model.layers]
            print(
                f"{step} loss {loss.item():.3f} gradient of first layer {g[0]:.1e}, of last {g[-1]:.1e}"
            )
diagnosis = inspector.diagnose()
