"""A collate function stacks the anchor column for the positives, too.

expect: CD107
"""

import torch
from torch import nn
from torch.utils.data import DataLoader

from collapse_doctor import Inspector


def stacked(batch):
    anchors, positives, negatives = zip(*batch)
    return {
        "anchor": torch.stack(anchors),
        "positive": torch.stack(anchors),  # fault
        "negative": torch.stack(negatives),
    }


rows = [(a, a + 0.2 * torch.randn(15), torch.randn(15)) for a in torch.randn(300, 15)]
net = nn.Sequential(nn.Linear(15, 48), nn.ReLU(), nn.Linear(48, 16))
criterion = nn.TripletMarginLoss(margin=0.5)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for batch in DataLoader(rows, batch_size=20, shuffle=True, collate_fn=stacked):
        out = {name: net(x) for name, x in batch.items()}  # shows
        loss = criterion(out["anchor"], out["positive"], out["negative"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
