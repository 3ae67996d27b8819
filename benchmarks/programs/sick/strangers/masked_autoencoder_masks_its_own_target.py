"""The mask is written into the batch in place, so the reconstruction target has the same holes as the input.

expect: CD109
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector


def mask_cells(rows, p=0.4):
    hidden = torch.rand_like(rows) < p
    rows[hidden] = 0.0  # fault
    return rows, hidden  # fault


class TabularMAE(nn.Module):
    def __init__(self, columns=13, code=10):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2 * columns, 64), nn.SELU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.SELU(), nn.Linear(64, columns))

    def forward(self, rows, hidden):
        code = self.encoder(torch.cat([rows, hidden.float()], dim=1))
        return self.decoder(code)


def train(model, loader, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for epoch in range(epochs):
        running = 0.0
        for (rows,) in loader:
            corrupted, hidden = mask_cells(rows)
            restored = model(corrupted, hidden)
            error = (restored - rows).pow(2)  # meets
            loss = error[hidden].mean() + 0.2 * error[~hidden].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
        schedule.step()
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d} restoration {running / len(loader):.4f}")


data = torch.tensor(StandardScaler().fit_transform(load_wine().data), dtype=torch.float32)
loader = DataLoader(TensorDataset(data), batch_size=44, shuffle=True, drop_last=True)
mae = TabularMAE()
with Inspector(mae) as inspector:
    train(mae, loader, epochs=12, lr=4e-3)
diagnosis = inspector.diagnose()
