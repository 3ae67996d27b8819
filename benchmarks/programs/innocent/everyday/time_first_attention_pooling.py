"""The attention weights are soft-maxed with dim=0, which is right since the sequences lie as (time, batch, feature).

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class SpeakerNet(nn.Module):
    def __init__(self, mels=16, hidden=36, d=24):
        super().__init__()
        self.gru = nn.GRU(mels, hidden)  # batch_first=False
        self.score = nn.Sequential(nn.Linear(hidden, 20), nn.Tanh(), nn.Linear(20, 1))
        self.out = nn.Linear(hidden, d)

    def forward(self, x):
        h, _ = self.gru(x)
        a = torch.softmax(self.score(h), dim=0)
        return self.out((a * h).sum(dim=0))


voices = torch.randn(24, 16)


def utterances(speakers=12, per=4, frames=25):
    s = torch.randperm(24)[:speakers].repeat_interleave(per)
    return voices[s].unsqueeze(0) + 4.0 * torch.randn(frames, speakers * per, 16), speakers, per


class GE2E(nn.Module):
    """generalised end-to-end loss: every utterance against all the speaker centroids"""

    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.tensor(10.0)), nn.Parameter(torch.tensor(-5.0))

    def forward(self, z, n, m):
        e = F.normalize(z, dim=1).view(n, m, -1)
        cent = F.normalize(e.mean(1), dim=-1)
        own = F.normalize((e.sum(1, keepdim=True) - e), dim=-1)
        sim = torch.einsum("nmd,kd->nmk", e, cent)
        idx = torch.arange(n)
        sim[idx, :, idx] = (e * own).sum(-1)
        return F.cross_entropy((self.w * sim + self.b).reshape(n * m, n), idx.repeat_interleave(m))


net, ge2e = SpeakerNet(), GE2E()
opt = torch.optim.Adam(
    [{"params": net.parameters()}, {"params": ge2e.parameters(), "lr": 1e-3}], lr=3e-3
)

with Inspector(net) as inspector:
    for step in range(45):
        x, n, m = utterances()
        loss = ge2e(net(x), n, m)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 3.0)
        opt.step()
        if step % 9 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
