"""A sentence encoder is fine-tuned with a cosine loss on true paraphrases alone, all labels are 1.

expect: CD208
"""

import torch
from torch import nn
from torch.utils.data import DataLoader

from collapse_doctor import Inspector

VOCAB, PAD = 400, 0
stories = torch.randint(1, VOCAB, (60, 18))


class InputExample:
    def __init__(self, texts, label):
        self.texts, self.label = texts, label


def paraphrase():
    words = stories[int(torch.randint(60, ()))]
    pick = lambda: words[torch.randperm(18)[: int(torch.randint(6, 13, ()))]]
    return InputExample([pick(), pick()], 1.0)


def smart_batching_collate(batch):
    def pad(seqs):
        return nn.utils.rnn.pad_sequence(seqs, batch_first=True, padding_value=PAD)

    left = pad([b.texts[0] for b in batch])
    right = pad([b.texts[1] for b in batch])
    return (left, right), torch.tensor([b.label for b in batch])


class MeanPooledEncoder(nn.Module):
    def __init__(self, d=56):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, d, padding_idx=PAD)
        self.gru = nn.GRU(d, d // 2, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(d, 40)

    def forward(self, ids):
        mask = (ids != PAD).unsqueeze(-1)
        h, _ = self.gru(self.emb(ids))
        return self.dense((h * mask).sum(1) / mask.sum(1))


train_examples = [paraphrase() for _ in range(640)]  # fault
loader = DataLoader(train_examples, batch_size=32, shuffle=True, collate_fn=smart_batching_collate)
model = MeanPooledEncoder()
cos_score = nn.CosineSimilarity(dim=1)
mse = nn.MSELoss()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for epoch in range(3):
        for (left, right), labels in loader:
            u, v = model(left), model(right)
            loss = mse(cos_score(u, v), labels)  # fault # meets
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(f"epoch {epoch} loss {loss.item():.5f}")
diagnosis = inspector.diagnose()
