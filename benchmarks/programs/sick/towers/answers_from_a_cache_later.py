"""After two epochs both sides are read from a cache that was meant for the evaluation.

expect: CD201
first: 36
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector

QUESTIONS, ANSWERS = DIGITS[:576, :32], DIGITS[:576, 32:]


class Retriever(nn.Module):
    def __init__(self):
        super().__init__()
        self.question = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 24))
        self.answer = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 24))
        self.bias = nn.Parameter(torch.tensor(-5.0))
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.cache = None

    @torch.no_grad()
    def fill(self):
        self.cache = self.question(QUESTIONS), self.answer(ANSWERS)

    def embed(self, rows):
        if self.cache is not None:
            return self.cache[0][rows], self.cache[1][rows]
        return self.question(QUESTIONS[rows]), self.answer(ANSWERS[rows])

    def forward(self, rows):
        q, a = self.embed(rows)
        logits = F.normalize(q) @ F.normalize(a).T * self.scale.exp() + self.bias
        return F.binary_cross_entropy_with_logits(logits, torch.eye(len(rows)))


model = Retriever()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)
with Inspector({"question": model.question, "answer": model.answer}) as inspector:
    for epoch in range(6):
        for rows in torch.randperm(576).split(32):
            model.zero_grad()
            model(rows).backward()
            optimizer.step()
        if epoch == 1:
            model.fill()  # fault
        with torch.no_grad():
            ranks = model.question(QUESTIONS[:64]) @ model.answer(ANSWERS[:64]).T
            top = (ranks.argmax(1) == torch.arange(64)).float().mean()
diagnosis = inspector.diagnose()
