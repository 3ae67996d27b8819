"""Token states of a student held against its teacher's by `nn.CosineSimilarity()`: along the words.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class TokenAgreement(nn.Module):
    def __init__(self):
        super().__init__()
        self.similarity = nn.CosineSimilarity(eps=1e-6)  # fault

    def forward(self, student, teacher):
        return 1 - self.similarity(student, teacher).mean()  # shows # meets


teacher = nn.Sequential(nn.Embedding(80, 32), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
student = nn.Sequential(nn.Embedding(80, 16), nn.TransformerEncoder(layer, 1), nn.Linear(16, 32))
teacher.requires_grad_(False).eval()
agreement = TokenAgreement()
optimizer = torch.optim.AdamW(student.parameters(), lr=2e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for _ in range(25):
        ids = torch.randint(0, 80, (24, 11))
        with torch.no_grad():
            wanted = teacher(ids)
        loss = agreement(student(ids), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
