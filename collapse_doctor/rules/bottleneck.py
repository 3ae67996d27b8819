"""Finding the place where a model throws dimensions away at every step, whatever it learns.

A history cannot show what was lost from the start. What can be seen is that the rows of one step
span exactly so many dimensions, all else being rounding, while a layer before them uses more. A
product of matrices has at most the rank of the narrowest of them.
"""

from __future__ import annotations

from collapse_doctor.measurements import LayerState, Measurements

__all__ = ["bottleneck"]


def bottleneck(measurements: Measurements, layer: LayerState) -> LayerState | None:
    """Return the layer at which the rank of ``layer`` is lost exactly, None where it is not.

    Only for embeddings that are compared with each other: a decoder widens what an encoder made
    narrow on purpose, and data that have few dimensions to begin with are not a model's fault.
    """
    rank = layer.exact_rank
    if rank is None or not _is_compared(measurements, layer):
        return None
    before = sorted(
        (o for o in measurements.layers if o.model == layer.model and o.depth < layer.depth),
        key=lambda other: other.depth,
    )
    rich = [other.values.get("effective_rank", 0.0) > rank for other in before]  # False for NaN
    if not any(rich):
        return None
    return next((other for other in before[rich.index(True) :] if other.width <= rank), layer)


def _is_compared(measurements: Measurements, layer: LayerState) -> bool:
    """Tell whether the layer was seen in a comparison of two known embeddings."""
    own = (layer.model, layer.layer)
    for comparison in measurements.comparisons:
        origins = [o.origin for o in comparison.operands if o.origin is not None]
        if len(origins) > 1 and any((origin.model, origin.layer) == own for origin in origins):
            return True
    return False
