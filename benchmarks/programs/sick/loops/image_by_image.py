"""One image after another is compared with the one before; the first one has nobody.

expect: CD101, CD106
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for i, (image1, _label1) in enumerate(batches()):
        label1 = _label1[0]
        vector1_tensor = model(image1)
        if i == 0:
            image2 = image1
            label2 = label1
            vector2_tensor = vector1_tensor  # fault
        similarity = F.cosine_similarity(vector1_tensor, vector2_tensor, dim=-1)  # meets
        loss = (1 - similarity).mean() if label1 == label2 else F.relu(similarity - 0.5).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        image2 = image1.clone()
        label2 = label1
        vector2_tensor = vector1_tensor.detach()
diagnosis = inspector.diagnose()
