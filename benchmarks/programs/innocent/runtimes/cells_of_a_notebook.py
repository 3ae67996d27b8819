"""Code as a notebook runs it: cells in strings, the Inspector entered by hand, one cell run twice.

expect: healthy
"""

from collapse_doctor import Inspector

CELLS = [
    "import torch\nfrom torch import nn\nfrom sklearn.datasets import load_wine",
    "X, y = load_wine(return_X_y=True)\nX = torch.tensor((X - X.mean(0)) / X.std(0)).float()\n"
    "y = torch.tensor(y)",
    "net = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 8))\n"
    "opt = torch.optim.Adam(net.parameters(), 1e-3)\ninspector = Inspector(net)\n"
    "inspector.__enter__()",
    "for epoch in range(40):\n"
    "    for i in torch.randperm(len(X)).split(2):\n"
    "        z = net(X[i])\n"
    "        d = (z[0] - z[1]).norm()\n"
    "        loss = d**2 if y[i[0]] == y[i[1]] else torch.relu(2 - d) ** 2\n"
    "        opt.zero_grad(); loss.backward(); opt.step()",
    "inspector.__exit__(None, None, None)\ndiagnosis = inspector.diagnose()",
]
space = {"Inspector": Inspector}
for n in (0, 1, 2, 3, 4):
    exec(compile(CELLS[n], f"<cell {n}>", "exec"), space)
diagnosis = space["diagnosis"]
