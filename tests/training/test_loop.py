"""The training loop: a run is a function of its configuration, whatever interrupts it.

Tiny runs on a dozen drawn faces. To build and trace ASMNet takes far longer than its few steps,
so it has one story; the others use a network of one convolution.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from shutil import copytree
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from asmnet_edge.datasets.pack import Pack
from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.geometry.shape_model import PointDistributionModel, normalise
from asmnet_edge.io.images import read_image
from asmnet_edge.training import float_model, loop, validation
from asmnet_edge.training.augmentation import NO_AUGMENTATION
from asmnet_edge.training.batches import BatchPlan, Source
from asmnet_edge.training.config import DataShare, Stage, TrainConfig
from asmnet_edge.training.float_model import FloatModel, load_float_model
from asmnet_edge.training.loop import Run
from asmnet_edge.training.loss import AsmAssistedLoss
from asmnet_edge.training.model_facts import TargetScaling
from asmnet_edge.training.network import SEED, Variant, build
from asmnet_edge.training.run_state import State, load_state, save_state
from asmnet_edge.training.trainer import Trainer
from asmnet_edge.training.validation import TILE, predict_landmarks, validation_faces

CONFIG = TrainConfig(
    data=(DataShare("drawn"),),
    variant=Variant(alpha=0.35, input_size=64),
    stages=(Stage(32, 0.5), Stage(64, 0.5)),
    epochs=3,  # of two steps
    batch=4,
    warmup_epochs=1,
    ema_every=1,
    validate_every_epochs=2,
    checkpoint_every_steps=1,
)
SMALL = Variant(alpha=0.35, input_size=32)
ONE_STAGE = replace(CONFIG, stages=(Stage(32, 1.0),), variant=SMALL, epochs=2)

MakeRun = Callable[..., Run]


def one_convolution(
    variant: Variant,
    training_resolution: int | None = None,
    precision: str = "float32",
    dropout: float = 0.3,
) -> keras.Model:
    """What `build` makes, in small: outputs, dropout and moving statistics are there."""
    size = training_resolution or variant.input_size
    picture = keras.Input((size, size, 3))
    features = layers.Conv2D(4, 3, strides=2, name="convolution")(picture)
    features = layers.BatchNormalization(momentum=0.9, name="norm")(features)
    features = layers.GlobalAveragePooling2D()(features)
    features = layers.Dropout(dropout, seed=SEED)(features)
    heads = {"landmarks": 2 * variant.points, "pose": 3}
    outputs = {name: layers.Dense(units, name=name)(features) for name, units in heads.items()}
    return keras.Model(picture, outputs)


@pytest.fixture(scope="module")
def packs(face_pack: Pack) -> list[tuple[Pack, Pack]]:
    return [(face_pack.select(np.arange(8)), face_pack.select(np.arange(8, 12)))]


@pytest.fixture(scope="module")
def make_run(packs: list[tuple[Pack, Pack]]) -> MakeRun:
    return lambda folder, config=CONFIG: Run(config, packs, folder, workers=1)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs train, and files hold, a network of one convolution."""
    for module in (loop, float_model, validation):
        monkeypatch.setattr(module, "build", one_convolution)


def stop_after(steps: Any, count: int) -> None:
    """As Ctrl-C does between two steps."""
    assert len(list(islice(steps, count))) == count
    steps.close()


def final_state(folder: Path) -> State:
    state, damaged = load_state(folder)
    assert state is not None
    assert damaged == []
    return state


def assert_same_state(one: State, other: State) -> None:
    assert one.step == other.step
    for name, arrays in one.arrays.items():
        for mine, theirs in zip(arrays, other.arrays[name], strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-6, err_msg=name)
    assert one.facts["best"] == pytest.approx(other.facts["best"], abs=1e-3)


def nme_of(model: FloatModel, pack: Pack, size: int) -> float:
    faces = validation_faces(pack, size)
    return 100 * float(faces.nme(predict_landmarks(model, faces)).mean())


def without_best(state: State) -> dict[str, Any]:
    return {name: fact for name, fact in state.facts.items() if name != "best"}


def test_asmnet_is_trained_and_a_killed_run_continues_as_if_nothing_had_happened(
    make_run: MakeRun, tmp_path: Path
) -> None:
    whole, killed, reports = tmp_path / "whole", tmp_path / "killed", []
    for progress in make_run(whole, ONE_STAGE).train():
        reports.append(progress)
        if progress.step == 2:
            copytree(whole, killed)
    assert final_state(killed).step == 2
    resumed = list(make_run(killed, ONE_STAGE).train(resume=True))
    assert [report.step for report in reports[:2] + resumed] == [1, 2, 3, 4]
    expected = [report.loss for report in reports[2:]]
    assert [report.loss for report in resumed] == pytest.approx(expected, abs=1e-5)
    assert_same_state(final_state(killed), final_state(whole))
    for name in ("best.keras", "last.keras"):
        one, other = (load_float_model(folder / name).network for folder in (whole, killed))
        for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-6)


@pytest.fixture(scope="module")
def story(make_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list]:
    """A run of two stages that nothing interrupted, and its reports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "build", one_convolution)
        run = make_run(tmp_path_factory.mktemp("whole"))
        return run, list(run.train())


@pytest.fixture
def whole(story: tuple[Run, list]) -> Path:
    """The folder of the run that nothing interrupted."""
    return story[0].folder


def test_a_run_reports_every_step(story: tuple[Run, list]) -> None:
    reports = story[1]
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert {report.steps for report in reports} == {6}
    assert np.isfinite([report.loss for report in reports]).all()
    assert [report.step for report in reports if report.validation is not None] == [4, 6]


def test_a_run_leaves_its_models_log_and_configuration(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {
        "best.keras",
        "last.keras",
        "checkpoint-00000005.npz",
        "checkpoint-00000006.npz",
        "config.json",
        "log.csv",
        "looks",
    }
    assert TrainConfig.from_json(json.loads((whole / "config.json").read_text())) == CONFIG


def test_a_run_shows_its_first_batches_and_its_validation_faces(whole: Path) -> None:
    looks = sorted(path.name for path in (whole / "looks").iterdir())
    batches = ["batch-32px-000000.jpg", "batch-64px-000003.jpg"]
    assert looks == [*batches, "validation-000004.jpg", "validation-000006.jpg"]
    for name in looks:
        sheet = read_image(whole / "looks" / name)
        side = TILE if "validation" in name else 32 if "32px" in name else 64
        assert sheet.shape[1] == 4 * (side + 4) + 4  # four faces in a batch, four validate


def test_the_log_has_a_line_for_each_step(whole: Path) -> None:
    with (whole / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["size"]) for row in rows] == [
        (str(step), "32" if step <= 3 else "64") for step in range(1, 7)
    ]
    assert [bool(row["validation_nme"]) for row in rows] == [False] * 3 + [True, False, True]
    assert all(float(row["loss"]) > 0 for row in rows)


@pytest.mark.usefixtures("tiny")
def test_the_best_model_is_the_one_that_validated_best(story: tuple[Run, list]) -> None:
    run, reports = story
    validations = [report.validation for report in reports if report.validation is not None]
    best = load_float_model(run.folder / "best.keras")
    assert run.best == best.provenance["validation_nme"] == min(validations)
    assert (best.variant, best.crop) == (CONFIG.variant, CropRule(size=64))
    assert best.provenance["faces"] == [8]
    measured = nme_of(best, run.packs[0][1], 64)
    assert measured == pytest.approx(min(validations), abs=1e-3)


@pytest.mark.usefixtures("tiny")
def test_the_last_model_has_the_averaged_weights(story: tuple[Run, list]) -> None:
    run, _ = story
    last = load_float_model(run.folder / "last.keras").network.get_weights()
    averaged = final_state(run.folder).arrays["ema"]
    assert all(np.allclose(a, b) for a, b in zip(last, averaged, strict=True))
    trained = run.trainer.network.get_weights()
    assert not all(np.allclose(a, b) for a, b in zip(last, trained, strict=True))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("stop", [1, 3, 5], ids=["first stage", "between stages", "last stage"])
def test_a_stopped_run_continues_as_if_nothing_had_happened(
    make_run: MakeRun, whole: Path, tmp_path: Path, stop: int
) -> None:
    stop_after(make_run(tmp_path).train(), stop)
    assert final_state(tmp_path).step == stop
    reports = list(make_run(tmp_path).train(resume=True))
    assert [report.step for report in reports] == list(range(stop + 1, 7))
    assert_same_state(final_state(tmp_path), final_state(whole))
    assert without_best(final_state(tmp_path)) == without_best(final_state(whole))


@pytest.mark.usefixtures("tiny")
def test_an_interrupt_within_a_step_loses_and_repeats_nothing(
    make_run: MakeRun, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python delivers Ctrl-C when the step's native code returns: the weights have moved by then
    original = Trainer.train_on_batch

    def interrupted(self: Trainer, *batch: Any) -> Any:
        loss = original(self, *batch)
        if int(self.optimizer.iterations) == 2:
            raise KeyboardInterrupt
        return loss

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_on_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(make_run(tmp_path).train())
    list(make_run(tmp_path).train(resume=True))
    assert_same_state(final_state(tmp_path), final_state(whole))


@pytest.mark.usefixtures("tiny")
def test_a_damaged_checkpoint_is_skipped_and_reported(
    make_run: MakeRun, whole: Path, tmp_path: Path
) -> None:
    stop_after(make_run(tmp_path).train(), 3)
    newest = tmp_path / "checkpoint-00000003.npz"
    newest.write_bytes(newest.read_bytes()[:1000])
    run = make_run(tmp_path)
    reports = list(run.train(resume=True))
    assert run.damaged == [newest]
    assert reports[0].step == 3
    assert_same_state(final_state(tmp_path), final_state(whole))


@pytest.mark.usefixtures("tiny")
def test_a_finished_run_has_nothing_left_to_do(
    make_run: MakeRun, whole: Path, tmp_path: Path
) -> None:
    copytree(whole, tmp_path / "again")
    assert list(make_run(tmp_path / "again").train(resume=True)) == []
    assert (tmp_path / "again" / "last.keras").exists()
    assert_same_state(final_state(tmp_path / "again"), final_state(whole))


@pytest.mark.usefixtures("tiny")
def test_another_configuration_does_not_resume(
    make_run: MakeRun, whole: Path, tmp_path: Path
) -> None:
    copytree(whole, tmp_path / "again")
    run = make_run(tmp_path / "again", replace(CONFIG, seed=1))
    with pytest.raises(ModelError, match="made with another configuration"):
        list(run.train(resume=True))


@pytest.mark.usefixtures("tiny")
def test_resuming_in_an_empty_folder_starts_anew_and_the_seed_counts(
    make_run: MakeRun, story: tuple[Run, list], tmp_path: Path
) -> None:
    first = []
    for seed in (0, 1):
        run = make_run(tmp_path / str(seed), replace(CONFIG, seed=seed))
        steps = run.train(resume=True)
        first.append(next(steps).loss)
        steps.close()
    assert first[0] == pytest.approx(story[1][0].loss, abs=1e-5)
    assert first[1] != pytest.approx(first[0], abs=1e-3)


@pytest.mark.usefixtures("tiny")
def test_a_run_that_diverges_stops_and_keeps_numbers(make_run: MakeRun, tmp_path: Path) -> None:
    wild = replace(ONE_STAGE, learning_rate=1e30, final_learning_rate=1e30)
    with pytest.raises(ModelError, match=r"the loss is (nan|inf)"):
        list(make_run(tmp_path, wild).train())
    arrays = [a for arrays in final_state(tmp_path).arrays.values() for a in arrays]
    assert all(np.isfinite(array).all() for array in arrays)


@pytest.mark.usefixtures("tiny")
def test_the_shortest_run_has_a_best_model(make_run: MakeRun, tmp_path: Path) -> None:
    # two steps, of which the last stage's fifth is rounded to none
    short = replace(CONFIG, epochs=1, stages=(Stage(32, 0.8), Stage(64, 0.2)))
    list(make_run(tmp_path, short).train())
    assert (tmp_path / "best.keras").exists()


def test_the_asm_weight_is_not_frozen_by_tracing(packs: list[tuple[Pack, Pack]]) -> None:
    pack = packs[0][0]
    scaling = TargetScaling(np.full((68, 2), 0.5), 0.1, np.zeros(3), np.ones(3))
    plan = BatchPlan((Source(pack),), 2, 1, NO_AUGMENTATION, 0)
    pictures, targets = plan.make(0, 32, scaling)
    shapes = PointDistributionModel.fit(normalise(pack.points))
    trainer = Trainer(one_convolution(SMALL), AsmAssistedLoss(shapes, scaling), 0.5)
    trainer.compile(optimizer="sgd")
    weights = (np.full(2, weight, np.float32) for weight in (0, 1, 2))
    none, one, two = (
        float(trainer.test_on_batch(pictures, {**targets, "asm_weight": w})) for w in weights
    )
    assert one > none
    assert two - none == pytest.approx(2 * (one - none), rel=1e-4)


def test_the_loss_is_that_of_the_face_and_half_that_of_the_pose() -> None:
    rng = np.random.default_rng(0)
    shapes = PointDistributionModel.fit(rng.normal(size=(9, 68, 2)))
    scaling = TargetScaling(np.zeros((68, 2)), 1.0, np.zeros(3), np.ones(3))
    trainer = Trainer(one_convolution(SMALL), AsmAssistedLoss(shapes, scaling), 0.5)
    targets = {
        "landmarks": rng.normal(size=(2, 68, 2)).astype("f4"),
        "pose": rng.normal(size=(2, 3)).astype("f4"),
        "shape": rng.normal(size=(2, 68, 2)).astype("f4"),
        "frame": np.zeros((2, 2, 3), "f4"),
        "asm_weight": np.zeros(2, "f4"),
    }
    outputs = {"landmarks": targets["landmarks"].reshape(2, 136) + 2, "pose": targets["pose"] + 3}
    loss = trainer.compute_loss(y=targets, y_pred=outputs)
    assert float(loss) == pytest.approx(2 + 0.5 * 9, rel=1e-5)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("size", [32, 64])
def test_validation_is_the_nme_of_the_faces_in_their_crops(face_pack: Pack, size: int) -> None:
    # a network that always gives the same face: the truth, then all of it off by 0.01
    pack = face_pack.select(np.array([4, 4]))
    plan = BatchPlan((Source(pack),), 1, 1, NO_AUGMENTATION, 0)
    truth = plan.targets(0, size)["landmarks"][0]
    variant = Variant(alpha=0.35, input_size=64)
    network = one_convolution(variant)
    for name in ("landmarks", "pose"):
        layer = network.get_layer(name)
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])

    def measured(offset: float) -> float:
        scaling = TargetScaling(truth + np.array([offset, 0]), 1.0, np.zeros(3), np.ones(3))
        model = FloatModel(network, variant, IBUG68, CropRule(size=64), scaling)
        return nme_of(model, pack, size)

    eyes = np.linalg.norm(truth[36] - truth[45])
    assert measured(0) == pytest.approx(0, abs=1e-4)
    assert measured(0.01) == pytest.approx(100 * 0.01 / eyes, rel=1e-4)


@pytest.mark.usefixtures("tiny")
def test_averages_restart_when_the_resolution_changes(make_run: MakeRun, tmp_path: Path) -> None:
    # statistics of one resolution in an average for the next would fit neither
    two_stages = replace(CONFIG, epochs=4, ema_every=1, ema=0.999)
    assert len(two_stages.stages) == 2
    run = make_run(tmp_path, two_stages)
    updates = [run.average.updates for _ in run.train()]
    restart = run.timetable.stages[0][1]
    assert updates[restart - 1 : restart + 1] == [restart, 1]


@pytest.mark.usefixtures("tiny")
def test_a_run_of_a_version_with_fewer_settings_goes_on(make_run: MakeRun, tmp_path: Path) -> None:
    stop_after(make_run(tmp_path).train(), 2)
    state, _ = load_state(tmp_path)
    assert state
    settings = {k: v for k, v in state.facts["configuration"].items() if k != "precision"}
    save_state(tmp_path, replace(state, facts={**state.facts, "configuration": settings}))
    assert [progress.step for progress in make_run(tmp_path).train(resume=True)] == [3, 4, 5, 6]
    other = {**settings, "learning_rate": 0.5}
    save_state(tmp_path, replace(state, step=7, facts={**state.facts, "configuration": other}))
    with pytest.raises(ModelError, match="made with another configuration"):
        next(make_run(tmp_path).train(resume=True))


def test_half_precision_keeps_full_weights_and_full_heads() -> None:
    network = build(SMALL, precision="mixed_bfloat16")
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert {output.dtype for output in network.outputs} == {"float32"}
    assert network.get_layer("block_3_expand").compute_dtype == "bfloat16"
    assert build(SMALL).get_layer("block_3_expand").compute_dtype == "float32"


def test_a_run_starts_from_the_weights_of_another_and_says_so(
    tiny: None, make_run: MakeRun, whole: Path, tmp_path: Path
) -> None:
    origin = load_float_model(whole / "last.keras")
    config = replace(ONE_STAGE, weights=str(whole / "last.keras"), learning_rate=1e-9)
    run = make_run(tmp_path, replace(config, final_learning_rate=1e-9, weight_decay=0.0))
    list(run.train())
    model = load_float_model(tmp_path / "last.keras")
    for mine, theirs in zip(trained(model), trained(origin), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    np.testing.assert_array_equal(model.scaling.mean_shape, origin.scaling.mean_shape)
    start = model.provenance["started_from"]
    assert start["sha256"] == origin.source_sha256
    assert start["training"] == origin.provenance["training"]


def trained(model: FloatModel) -> list[np.ndarray]:
    """What the optimizer moves; the moving statistics follow the data at any learning rate."""
    return [keras.ops.convert_to_numpy(v) for v in model.network.trainable_weights]


def test_a_run_does_not_start_from_another_network(
    tiny: None, make_run: MakeRun, whole: Path, tmp_path: Path
) -> None:
    other = replace(SMALL, alpha=0.5)
    config = replace(ONE_STAGE, weights=str(whole / "last.keras"), variant=other)
    with pytest.raises(ModelError, match=r"asmnet of alpha 0.35 .*; asmnet of alpha 0.5 "):
        make_run(tmp_path, config)


def test_a_run_does_not_go_on_from_other_starting_weights(
    tiny: None, make_run: MakeRun, whole: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.keras"
    weights.write_bytes((whole / "last.keras").read_bytes())
    config = replace(ONE_STAGE, weights=str(weights))
    stop_after(make_run(tmp_path / "run", config).train(), 1)
    origin = load_float_model(weights)
    weights.unlink()
    replace(origin, provenance={}).save(weights)
    with pytest.raises(ModelError, match="another starting model"):
        list(make_run(tmp_path / "run", config).train(resume=True))
