"""Both sentences of a pair are read from the column of the first one.

expect: CD107
"""

import torch
from torch import nn

from collapse_doctor import Inspector

VOCAB = {
    w: i + 1
    for i, w in enumerate(
        "how do i what is the best way to learn cook sing dance fast slow".split()
    )
}
WORDS = list(VOCAB)


def sentence():
    return " ".join(WORDS[i] for i in torch.randint(len(WORDS), (int(torch.randint(3, 9, ())),)))


rows = [
    {"question1": sentence(), "question2": sentence(), "is_duplicate": float(i % 2)}
    for i in range(400)
]


def encode(texts):
    ids = [torch.tensor([VOCAB[w] for w in t.split()]) for t in texts]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True)


def collate(batch):
    q1 = encode([r["question1"] for r in batch])
    q2 = encode([r["question1"] for r in batch])  # fault
    return q1, q2, torch.tensor([r["is_duplicate"] for r in batch])


class BiLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(len(VOCAB) + 1, 24, padding_idx=0)
        self.rnn = nn.LSTM(24, 20, batch_first=True, bidirectional=True)

    def forward(self, ids):
        h, _ = self.rnn(self.emb(ids))
        return h.max(1).values


encoder = BiLSTM()
optimizer = torch.optim.Adam(encoder.parameters(), 1e-3)
criterion = nn.CosineEmbeddingLoss(margin=0.3)
loader = torch.utils.data.DataLoader(rows, batch_size=20, shuffle=True, collate_fn=collate)
with Inspector(encoder) as inspector:
    for q1, q2, dup in loader:
        optimizer.zero_grad()
        u, v = encoder(q1), encoder(q2)  # shows
        loss = criterion(u, v, dup * 2 - 1)  # meets
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
