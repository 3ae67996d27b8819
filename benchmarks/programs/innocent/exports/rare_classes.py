"""Many classes of two to eight rows each, some of which lie near each other by chance.

expect: healthy
"""

import numpy as np
import pandas as pd

from collapse_doctor import analyze

rng = np.random.default_rng(np.random.randint(1000))
rows, names = [], []
for person in range(60):
    face = rng.normal(size=64)
    for _ in range(rng.integers(2, 9)):
        rows.append(face + 0.5 * rng.normal(size=64) * rng.uniform(0.4, 1.6))
        names.append(f"person {person}")
frame = pd.DataFrame(np.stack(rows), columns=[f"f{i}" for i in range(64)])
diagnosis = analyze(frame, labels=np.array(names))
