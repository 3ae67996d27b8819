"""A recommender looks items up into one tensor: what was bought becomes what was not.

expect: CD109
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

USERS, ITEMS, WIDTH, BATCH = 200, 120, 16, 64
bought = torch.randint(0, ITEMS, (USERS, 8))
contents = F.normalize(torch.randn(ITEMS, WIDTH), dim=1)
found = torch.empty(BATCH, WIDTH)


def look_up(ids):
    return torch.index_select(contents, 0, ids, out=found)  # fault


users = nn.Sequential(nn.Embedding(USERS, 32), nn.Linear(32, WIDTH))
optimizer = torch.optim.Adam(users.parameters(), lr=5e-3)
with Inspector(users) as inspector:
    for _ in range(40):
        who = torch.randint(0, USERS, (BATCH,))
        mine = users(who)
        liked = look_up(bought[who, torch.randint(0, 8, (BATCH,))])
        unliked = look_up(torch.randint(0, ITEMS, (BATCH,)))
        near = F.cosine_similarity(mine, liked)  # meets
        far = F.cosine_similarity(mine, unliked)  # meets
        loss = F.softplus(far - near).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
