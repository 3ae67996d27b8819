"""Distillation of vectors where a refactoring renamed one variable over the other.

expect: CD101
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def build(hidden: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(1, hidden, 5, stride=2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(20)
    )


def distill(lehrer: nn.Module, schueler: nn.Module, signale: torch.Tensor, schritte: int) -> None:
    optimierer = torch.optim.Adam(schueler.parameters(), lr=1e-3)
    for _ in range(schritte):
        auswahl = signale[torch.randint(0, len(signale), (32,))]
        with torch.no_grad():
            vektor = lehrer(auswahl)
        vektor = schueler(auswahl)  # fault
        ziel = vektor  # fault
        verlust = 1 - F.cosine_similarity(vektor, ziel, dim=-1).mean()  # meets
        verlust = verlust + 1e-4 * sum(p.square().sum() for p in schueler.parameters())
        optimierer.zero_grad()
        verlust.backward()
        optimierer.step()


signale = torch.randn(200, 1, 40).cumsum(-1)
lehrer, schueler = build(16), build(4)
for netz in (lehrer, schueler):
    netz(signale[:2])

with Inspector({"lehrer": lehrer, "schueler": schueler}) as inspector:
    distill(lehrer, schueler, signale, 30)

diagnosis = inspector.diagnose()
