"""A small student learns the embeddings of a frozen teacher by 1 - cos: pull only and one side without gradient, but the targets are fixed and varied.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Teacher(nn.Module):
    def __init__(self, vocab, dim=64):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.enc = nn.TransformerEncoderLayer(dim, 4, 128, dropout=0.0, batch_first=True)
        self.out = nn.Linear(dim, 32)

    def forward(self, ids):
        return self.out(self.enc(self.emb(ids)).mean(1))


class Student(nn.Module):
    def __init__(self, vocab, dim=40):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.conv = nn.Conv1d(dim, dim, 3, padding=1)
        self.out = nn.Linear(dim, 32)

    def forward(self, ids):
        h = self.emb(ids).transpose(1, 2)
        h = h + torch.tanh(self.conv(h))
        return self.out(h.mean(2))


class Distillation:
    def __init__(self, teacher, student, lr):
        self.teacher = teacher.eval()
        for p in self.teacher.parameters():
            p.requires_grad_(False)
        self.student = student
        self.opt = torch.optim.Adam(student.parameters(), lr=lr)

    def training_step(self, ids):
        target = self.teacher(ids)
        target = target - target.mean(0)
        got = self.student(ids)
        return (1 - F.cosine_similarity(got, target, dim=-1)).mean()

    def fit(self, stream):
        for ids in stream:
            loss = self.training_step(ids)
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()


torch.manual_seed(16)
VOCAB = 60
stream = (torch.randint(VOCAB, (80, 8)) for _ in range(60))
job = Distillation(Teacher(VOCAB), Student(VOCAB), lr=5e-3)
with Inspector({"student": job.student, "teacher": job.teacher}) as inspector:
    job.fit(stream)
diagnosis = inspector.diagnose()
