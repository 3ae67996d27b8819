"""The teacher's output is kept for a hint loss, then centred in place for the other loss.

expect: CD109
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Distiller(nn.Module):
    def __init__(self, width=20):
        super().__init__()
        self.student = nn.Sequential(nn.Linear(14, 40), nn.ReLU(), nn.Linear(40, width))
        self.teacher = nn.Sequential(nn.Linear(14, 80), nn.ReLU(), nn.Linear(80, width))
        nn.init.normal_(self.teacher[2].bias, mean=1.0)

    def forward(self, x):
        s = self.student(x)
        with torch.no_grad():
            t = self.teacher(x)
        hint = t
        t -= t.mean(1, keepdim=True)  # fault
        t /= t.std(1, keepdim=True)  # fault
        relation = F.kl_div(F.log_softmax(s, 1), F.softmax(t, 1), reduction="batchmean")
        return relation + F.mse_loss(s, hint)  # meets


distiller = Distiller()
opt = torch.optim.AdamW(distiller.student.parameters(), lr=2e-3)
with Inspector({"student": distiller.student, "teacher": distiller.teacher}) as inspector:
    for batch in torch.randn(30, 48, 14):
        loss = distiller(batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
