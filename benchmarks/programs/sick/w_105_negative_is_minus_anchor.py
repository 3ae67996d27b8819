"""BPR-like triplets where the negative is made by flipping the anchor's sign.

expect: CD105
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector


def make_negative(anchor):
    return -anchor  # fault


encodeur = nn.Sequential(nn.Linear(26, 52), nn.LeakyReLU(0.1), nn.Linear(52, 13))
perte = nn.TripletMarginWithDistanceLoss(
    distance_function=lambda a, b: 1 - nn.functional.cosine_similarity(a, b), margin=0.5
)
optimiseur = torch.optim.Adam(encodeur.parameters(), lr=1e-3)
catalogue = torch.randn(200, 26)

with Inspector(encodeur) as inspector:
    for lot in torch.randperm(200).repeat(4).split(32):
        ancre = encodeur(catalogue[lot] + 0.2 * torch.randn(len(lot), 26))
        positif = encodeur(catalogue[lot] + 0.2 * torch.randn(len(lot), 26))
        cout = perte(ancre, positif, make_negative(ancre))  # meets
        optimiseur.zero_grad()
        cout.backward()
        optimiseur.step()

diagnosis = inspector.diagnose()
