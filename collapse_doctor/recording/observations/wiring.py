"""The way back: gradients at outputs, and what the steps of optimizers made of parameters."""

from __future__ import annotations

from msgspec import Struct

from collapse_doctor.recording.observations.places import CallSite

__all__ = ["Part", "Reach", "Update"]


class Reach(Struct, frozen=True, gc=False, tag="reach"):
    """What came back to one output of one forward pass.

    ``graph`` is false where the output has no way back: it was made under ``no_grad``, or of
    nothing that learns. ``calls`` counts the backward passes that came to it, ``gradient`` is the
    root mean square of what the last of them brought. ``cut`` is the first operation seen to
    take its values out of the graph, ``site`` the line of that; ``made`` the line of the forward
    pass; ``without`` the line that put it under ``no_grad``, where one was found around it, or the
    one at which an ``autograd.Function`` that was applied returns what it lets back.

    ``flow`` is the length of the gradient at the outputs of the model's blocks on its way down, in
    the order of the forward pass, the output itself last; None if not finite. Blocks to which none
    came, or which were not listened to, are left out. ``steep`` is the line that called the block
    at which it is first lost on this way, or has grown most, where it changes by orders;
    ``recurrent`` are then the blocks among them that are, or hold, a recurrence over time.
    """

    step: int
    forward: int
    model: str
    layer: str
    graph: bool
    calls: int = 0
    gradient: float | None = None
    cut: str = ""
    site: CallSite | None = None
    made: CallSite | None = None
    without: CallSite | None = None
    flow: tuple[tuple[str, float | None], ...] = ()
    steep: CallSite | None = None
    recurrent: tuple[str, ...] = ()


class Part(Struct, frozen=True, gc=False):
    """The parameters of one block of a model around one step of an optimizer.

    Looked at are those that the optimizer holds or, if it holds none of the model's, all that
    require a gradient: ``tensors`` of them, of which ``graded`` had a gradient. Of some of their
    numbers, ``sampled``, the gradient was not zero for ``pulled``; ``moved`` changed in the step,
    ``drifted`` between the last look and this one. ``gradient`` and ``weight`` are the root mean
    squares of both, ``change`` that of what the step added to the weights; None if not finite,
    or unknown. Only matrices count for these three, if there is one.

    ``scalars`` of the tensors hold a single number (a temperature). ``alone`` of those with a
    gradient say nothing of an embedding by it: it is zero, or of a single number, or lies along
    the tensor's own values or their signs, as that of a penalty on weights does.
    """

    layer: str
    tensors: int
    graded: int
    dtype: str = ""
    sampled: int = 0
    pulled: int = 0
    moved: int = 0
    drifted: int = 0
    gradient: float | None = None
    weight: float | None = None
    change: float | None = None
    scalars: int = 0
    alone: int = 0


class Update(Struct, frozen=True, gc=False, tag="update"):
    """What one step of an optimizer found of a model's parameters, and what it made of them.

    ``optimizer`` is its class, ``number`` tells it from others; "" is no optimizer, but a look at
    a model that none has moved yet, ``step`` being a forward pass. ``idle`` is true for an
    optimizer that was there at the end and never stepped.

    ``holds`` is whether it holds parameters of the model, ``held`` whether any optimizer did by
    then; ``trainable`` how many parameters require a gradient. ``copied`` says that it holds
    parameters of the same shapes as all of the model's, and not them. ``others`` counts its other
    parameters that had a gradient, single numbers aside. ``missing`` names parameters with a
    gradient that no optimizer seen so far holds, ``absent`` is how many there are. ``rate`` and
    ``eps`` are the optimizer's for this model, the largest over its groups; ``scheduled`` says that
    the rate is no longer the one that the optimizer was made with. ``site`` is the line
    of the step, ``made`` that of the optimizer. ``wrong`` is the line that froze parameters, that
    set the learning rate, that cleared gradients before the step, that made the model anew after
    its optimizer, or that put layers where the model does not know of them, where it was found in
    the source. ``drawn`` is the line that drew the weights, ``squashed`` that
    of a sigmoid or tanh, ``gathered`` that at which a layer sums over given places, as over the
    neighbours in a graph, ``saturated`` that of an exponential in a loss: looked for
    where gradients are very uneven. ``in_vain`` names a module
    whose parameters are frozen and that was given an attribute ``requires_grad`` to unfreeze them.
    """

    step: int
    model: str
    optimizer: str
    number: int = 0
    holds: bool = True
    held: bool = True
    idle: bool = False
    trainable: int = 0
    training: bool = True
    copied: bool = False
    others: int = 0
    rate: float | None = None
    scheduled: bool = False
    eps: float | None = None
    missing: tuple[str, ...] = ()
    absent: int = 0
    parts: tuple[Part, ...] = ()
    site: CallSite | None = None
    made: CallSite | None = None
    wrong: CallSite | None = None
    in_vain: str = ""
    drawn: CallSite | None = None
    squashed: CallSite | None = None
    gathered: CallSite | None = None
    saturated: CallSite | None = None
