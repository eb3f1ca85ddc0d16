"""Accuracy of a float model on faces held out of training, as a figure and as pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.datasets.pack import Pack
from asmnet_edge.geometry.crop import cut, from_relative, to_relative, transform
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.drawing import CONTOUR, contact_sheet, draw_contours, draw_landmarks
from asmnet_edge.io.images import Picture
from asmnet_edge.training.augmentation import NO_AUGMENTATION, draw_view
from asmnet_edge.training.batches import Batch
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.model_facts import TargetScaling
from asmnet_edge.training.network import build

TRUTH = (255, 160, 60)  # BGR of the annotated contours; the predicted ones have the usual colour
TILE = 192  # pixels of a face on the sheet


def validation_faces(pack: Pack, size: int) -> AnnotatedCrops:
    """Return the faces of ``pack`` cut by the crop rule to ``size`` pixels, without pose."""
    rng = np.random.default_rng(0)  # without augmentation nothing is drawn from it
    views = [draw_view(points, size, NO_AUGMENTATION, rng).matrix for points in pack.points]
    crops = [cut(pack.picture(i), view, size)[..., ::-1] for i, view in enumerate(views)]
    pairs = zip(pack.points, views, strict=True)
    truth = [to_relative(transform(points, view), size) for points, view in pairs]
    return AnnotatedCrops(np.stack(crops), pack.scheme, np.stack(truth))


def predict_landmarks(model: FloatModel, faces: AnnotatedCrops) -> FloatArray:
    """Return landmarks (faces, n, 2) by ``model``, run at the resolution of the crops."""
    return _at_resolution(model, faces.crops.shape[1]).predict(faces.crops)[0]


def validation_sheet(faces: AnnotatedCrops, predicted: FloatArray, count: int = 16) -> Picture:
    """Draw the first faces with annotated and predicted contours, each over its NME in %."""
    errors = 100 * faces.nme(predicted)
    tiles = [_tile(faces, i, predicted[i]) for i in range(min(count, len(faces)))]
    return contact_sheet(tiles, [f"NME {error:.1f}" for error in errors])


def _tile(faces: AnnotatedCrops, face: int, predicted: FloatArray) -> Picture:
    """Draw contours only: two sets of points would hide each other."""
    tile: Picture = cv2.resize(faces.crops[face][..., ::-1], (TILE, TILE))  # type: ignore[assignment]
    truth = faces.landmarks
    assert truth is not None, "validation faces are annotated"
    for points, colour in ((truth[face], TRUTH), (predicted, CONTOUR)):
        draw_contours(tile, Landmarks(from_relative(points, TILE), faces.scheme), colour)
    return tile


def batch_sheet(batch: Batch, scaling: TargetScaling, scheme: LandmarkScheme) -> Picture:
    """Draw the first pictures of a training batch with their landmarks."""
    pictures, targets = batch
    relative, _ = scaling.restore(targets["landmarks"].reshape(len(pictures), -1), targets["pose"])
    tiles = [picture[..., ::-1].copy() for picture in pictures[:16]]
    for tile, points in zip(tiles, relative, strict=False):
        draw_landmarks(tile, Landmarks(from_relative(points, len(tile)), scheme))
    return contact_sheet(tiles)


def _at_resolution(model: FloatModel, size: int) -> FloatModel:
    if size == model.variant.input_size:
        return model
    network = build(model.variant, size)
    network.set_weights(model.network.get_weights())
    return replace(model, network=network)
