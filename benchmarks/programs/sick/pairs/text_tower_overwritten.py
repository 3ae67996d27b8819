"""Two towers and a data loader; the text embedding is overwritten by the image embedding.

expect: CD101
"""

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.programs.common import DIGITS, Encoder
from collapse_doctor import Inspector

img, txt = Encoder(), Encoder()
optimizer = torch.optim.AdamW([*img.parameters(), *txt.parameters()], lr=0.001)
loader = DataLoader(TensorDataset(DIGITS[:320], 2 * DIGITS[:320]), batch_size=32, shuffle=True)
with Inspector({"img": img, "txt": txt}) as inspector:
    for a, b in loader:
        ei = img(a)
        et = txt(b)
        et = ei  # fault
        loss = F.cosine_embedding_loss(ei, et, torch.ones(len(a)))  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
