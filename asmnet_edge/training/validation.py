"""How good a float model is on faces held out of training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asmnet_edge.crop import cut, to_relative, transform
from asmnet_edge.data.pack import Pack
from asmnet_edge.metrics import nme
from asmnet_edge.training.augmentation import NO_AUGMENTATION, draw_view
from asmnet_edge.training.floatmodel import FloatModel
from asmnet_edge.training.network import build


def validation_nme(model: FloatModel, pack: Pack, size: int) -> float:
    """NME in % (inter-ocular) of ``model`` on ``pack``, cut by the crop rule at ``size`` pixels."""
    rng = np.random.default_rng(0)  # nothing is drawn from it: no augmentation
    views = [draw_view(points, size, NO_AUGMENTATION, rng).matrix for points in pack.points]
    crops = np.stack([cut(pack.picture(i), view, size)[..., ::-1] for i, view in enumerate(views)])
    truth = np.stack(
        [to_relative(transform(p, v), size) for p, v in zip(pack.points, views, strict=True)]
    )
    predicted, _ = _at_resolution(model, size).predict(crops)
    return 100 * float(nme(predicted, truth, pack.scheme).mean())


def _at_resolution(model: FloatModel, size: int) -> FloatModel:
    if size == model.variant.input_size:
        return model
    network = build(model.variant, size)
    network.set_weights(model.network.get_weights())
    return replace(model, network=network)
