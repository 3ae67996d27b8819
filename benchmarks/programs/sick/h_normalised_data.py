"""Consistency of normalised codes in Spanish: the reference is .data of the same code.

expect: CD103
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

red = nn.Sequential(nn.Linear(25, 60), nn.Mish(), nn.Linear(60, 18))
clasificador = nn.Linear(18, 5)
optimizador = torch.optim.Adam([*red.parameters(), *clasificador.parameters()], lr=1e-3)
centros = torch.randn(5, 25)


def lote(tamano):
    etiqueta = torch.randint(0, 5, (tamano,))
    return centros[etiqueta] + torch.randn(tamano, 25), etiqueta


with Inspector(red) as inspector:
    for paso in range(25):
        datos, etiqueta = lote(64)
        perturbados = datos + 0.3 * torch.randn_like(datos)
        codigo = red(datos)
        otro = red(perturbados)
        referencia = F.normalize(codigo.data, dim=1)  # fault
        consistencia = F.mse_loss(F.normalize(codigo, dim=1), referencia)  # meets
        perdida = (
            F.cross_entropy(clasificador(codigo) + clasificador(otro), etiqueta) + consistencia
        )
        optimizador.zero_grad()
        perdida.backward()
        optimizador.step()

diagnosis = inspector.diagnose()
