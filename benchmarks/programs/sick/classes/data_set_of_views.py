"""A data set returns one augmentation as both views; the loader makes two tensors of them.

expect: CD107
"""

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.programs.common import DIGITS, Encoder, augment
from collapse_doctor import Inspector


class TwoViews(Dataset):
    def __len__(self):
        return 512

    def __getitem__(self, index):
        view = augment(DIGITS[index])
        return view, view  # fault


model = Encoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loader = DataLoader(TwoViews(), batch_size=32, shuffle=True)
with Inspector(model) as inspector:
    for first, second in loader:
        z1, z2 = model(first), model(second)  # fault
        loss = F.mse_loss(z1, z2)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
