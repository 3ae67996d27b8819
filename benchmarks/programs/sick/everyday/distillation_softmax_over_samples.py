"""Teacher and student scores are soft-maxed with dim=0, over the samples of the batch instead of the candidates.

expect: CD206
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

torch.set_num_threads(1)
DOCS, FEAT = 160, 45
documents = torch.randn(DOCS, FEAT)


class Retriever(nn.Module):
    def __init__(self, width, dim=32):
        super().__init__()
        self.q = nn.Sequential(nn.Linear(FEAT, width), nn.ReLU(), nn.Linear(width, dim))
        self.d = nn.Sequential(nn.Linear(FEAT, width), nn.ReLU(), nn.Linear(width, dim))

    def forward(self, queries, docs):
        q = F.normalize(self.q(queries), dim=-1)
        d = F.normalize(self.d(docs), dim=-1)
        return q @ d.T * 10.0


def make_queries(n):
    i = torch.randint(DOCS, (n,))
    return documents[i] + 0.9 * torch.randn(n, FEAT), i


def train_teacher(steps=80):
    net = Retriever(128)
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(steps):
        q, i = make_queries(64)
        loss = F.cross_entropy(net(q, documents), i)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return net.eval().requires_grad_(False)


def kd_loss(student_scores, teacher_scores, T):
    s = F.log_softmax(student_scores / T, dim=0)  # fault
    t = F.softmax(teacher_scores / T, dim=0)  # fault
    return F.kl_div(s, t, reduction="batchmean") * T * T  # meets


teacher = train_teacher()
student = Retriever(24)
opt = torch.optim.AdamW(student.parameters(), lr=3e-3)

with Inspector(student) as inspector:
    for step in range(60):
        q, _ = make_queries(36)
        cand = documents[torch.randperm(DOCS)[:80]]
        with torch.no_grad():
            target = teacher(q, cand)
        loss = kd_loss(student(q, cand), target, T=2.0)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 15 == 0:
            print(step, "kd", loss.item())
diagnosis = inspector.diagnose()
