"""Classes that differ in how varied they are, as a class of one font does from handwriting.

expect: healthy
"""

import torch

from collapse_doctor import analyze

spreads = torch.tensor([1.0, 0.9, 1.3, 0.25, 2.0, 0.7])
labels = torch.randint(0, 6, (900,))
centres = torch.randn(6, 96)
rows = centres[labels] + spreads[labels, None] * torch.randn(900, 96)
diagnosis = analyze(rows.half(), labels=labels)
