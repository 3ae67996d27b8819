"""Each fold makes a new model, but the optimizer was made once, before the folds, for another one.

expect: CD202
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from collapse_doctor import Inspector

wine = load_wine()
X = StandardScaler().fit_transform(wine.data).astype(np.float32)
y = wine.target.astype(np.int64)


def build_model():
    return nn.Sequential(nn.Linear(13, 48), nn.ReLU(), nn.BatchNorm1d(48), nn.Linear(48, 12))


def run_epoch(model, optimizer, xb, yb, batch_size=24):
    criterion = nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1.0 - nn.functional.cosine_similarity(a, b), margin=0.5
    )
    losses = []
    order = torch.randperm(len(xb))
    for idx in order.split(batch_size):
        if len(idx) < batch_size:
            continue
        a = xb[idx]
        pos, neg = [], []
        for c in yb[idx].tolist():
            same, other = (yb == c).nonzero()[:, 0], (yb != c).nonzero()[:, 0]
            pos.append(same[torch.randint(len(same), ())])
            neg.append(other[torch.randint(len(other), ())])
        loss = criterion(
            model(a), model(xb[torch.stack(pos)]), model(xb[torch.stack(neg)])
        )  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


model = build_model()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)  # fault

scores = []
for fold, (tr, va) in enumerate(KFold(3, shuffle=True, random_state=0).split(X)):
    model = build_model()  # fault
    xb, yb = torch.from_numpy(X[tr]), torch.from_numpy(y[tr])
    with Inspector(model) as inspector:
        for epoch in range(6):
            tl = run_epoch(model, optimizer, xb, yb)
    scores.append(tl)
    print(f"fold {fold} triplet {tl:.4f}")
    diagnosis = inspector.diagnose()
print("mean", np.mean(scores))
