"""Training in plain PyTorch: its crops, landmarks and networks are those of the other modules."""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import torch

from asmnet_edge.datasets.pack import Pack, make_pack
from asmnet_edge.datasets.pack_file import PackFacts, write_pack
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.geometry.crop import CropRule, crop_matrix, cut, to_relative, transform
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.pose import in_plane_roll, mirrored, turned
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.training.accelerated import losses, views
from asmnet_edge.training.accelerated.export import push
from asmnet_edge.training.accelerated.face_bank import FaceBank
from asmnet_edge.training.accelerated.fitting import BatchSource, Fit, Share, fit_network
from asmnet_edge.training.accelerated.networks import (
    AsmNet,
    Teacher,
    centres_of,
    from_keras_layout,
    read_student,
    read_teacher,
    to_keras_layout,
    write_student,
    write_teacher,
)
from asmnet_edge.training.accelerated.plan import parse_plan, read_plan
from asmnet_edge.training.accelerated.program import Faces, main, run
from asmnet_edge.training.float_model import load_float_model
from asmnet_edge.training.model_facts import TargetScaling
from asmnet_edge.training.network import Variant, build

SIZE = 96
CPU = torch.device("cpu")
FLIP = torch.tensor(np.asarray(IBUG68.flip))
UNITS = TargetScaling(np.full((68, 2), 0.5), 0.2, np.zeros(3), np.array([20.0, 10.0, 10.0]))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost more than these small networks."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return make_pack(DrawnFaces(8, size=160).samples("train"), rule=CropRule(1.8, SIZE))


@pytest.fixture(scope="module")
def bank(pack: Pack) -> FaceBank:
    pictures = [pack.picture(i) for i in range(len(pack))]
    return FaceBank.of("drawn", pictures, pack.points, pack.pose, pack.exact.tolist(), CPU)


def placed(points: torch.Tensor, rotation: float, flipped: bool) -> views.Placement:
    one = torch.ones(len(points))
    shift = torch.tensor([[0.05, -0.03]]).expand(len(points), 2)
    return views.place(points, 64, rotation * one, one * flipped > 0, shift, 1.1 * one)


def test_an_unmoved_crop_is_that_of_the_crop_rule(bank: FaceBank) -> None:
    placement = views.straight(bank.points, 64)
    for matrix, points in zip(placement.matrix, bank.points, strict=True):
        rule = CropRule(size=64)
        expected = rule.matrix(Landmarks(points.double().numpy(), IBUG68))
        np.testing.assert_allclose(matrix.numpy(), expected, atol=1e-3)


def test_a_crop_turned_by_the_roll_is_that_of_the_upright_rule(bank: FaceBank) -> None:
    faces = [Landmarks(points.double().numpy(), IBUG68) for points in bank.points]
    roll = torch.tensor([-in_plane_roll(face.points, IBUG68) for face in faces]).float()
    one = torch.ones(len(faces))
    shift = torch.zeros(len(faces), 2)
    placement = views.place(bank.points, 64, roll, one < 0, shift, one)
    rule = CropRule(size=64, upright=True)
    expected = np.stack([rule.matrix(face) for face in faces])
    np.testing.assert_allclose(placement.matrix.numpy(), expected, atol=1e-3)


@pytest.mark.parametrize(("rotation", "flipped"), [(0.0, False), (30.0, False), (-100.0, True)])
def test_crops_and_targets_are_those_of_opencv_and_pose(
    bank: FaceBank, pack: Pack, rotation: float, flipped: bool
) -> None:
    placement = placed(bank.points, rotation, flipped)
    crops = views.crop(bank.pictures, placement, 64)
    points = views.move_points(bank.points, placement, 64, FLIP)
    pose = views.move_pose(bank.pose, placement)
    for i in range(len(bank)):
        matrix = placement.matrix[i].double().numpy()
        expected = cut(pack.picture(i), matrix, 64)[..., ::-1].transpose(2, 0, 1)
        apart = np.abs(crops[i].numpy() - expected)
        assert apart.mean() < 0.5  # grey levels: OpenCV samples in steps of 1/32 pixel
        moved = to_relative(transform(pack.points[i], matrix), 64)
        wanted = turned(pack.pose[i], rotation)
        if flipped:
            moved, wanted = moved[list(IBUG68.flip)], mirrored(wanted)
        np.testing.assert_allclose(points[i].numpy(), moved, atol=1e-4)
        np.testing.assert_allclose(pose[i].numpy(), wanted, atol=1e-3)


def test_a_placement_is_the_crop_matrix(bank: FaceBank) -> None:
    points = bank.points[:1]
    placement = placed(points, 0.0, True)
    low, high = points[0].amin(0), points[0].amax(0)
    side = 1.25 * float((high - low).max())
    centre = ((low + high) / 2 + side * torch.tensor([0.05, -0.03])).tolist()
    expected = crop_matrix((centre[0], centre[1]), 1.1 * side, 64, 0.0, True)
    np.testing.assert_allclose(placement.matrix[0].numpy(), expected, atol=1e-3)


def test_spoilt_crops_are_pixels_and_depend_on_the_seed_alone(bank: FaceBank) -> None:
    fit = Fit(64, 16, 1.0, 1e-3)
    first, second, other = (
        BatchSource([Share(bank, 1, 1)], FLIP, seed).draw(0.0, fit) for seed in (1, 1, 2)
    )
    assert torch.equal(first.crops, first.crops.round())
    assert float(first.crops.min()) >= 0 and float(first.crops.max()) <= 255
    assert torch.equal(first.crops, second.crops) and torch.equal(first.points, second.points)
    assert not torch.equal(first.crops, other.crops)


def test_a_batch_has_its_share_of_each_bank(bank: FaceBank) -> None:
    other = replace(bank, pose_weight=0 * bank.pose_weight)
    source = BatchSource([Share(bank, 3, 1), Share(other, 1, 3)], FLIP, 0)
    fit = Fit(64, 16, 1.0, 1e-3)
    for progress, expected in ((0.0, 4), (1.0, 12)):
        batch = source.draw(progress, fit)
        assert int((batch.pose_weight == 0).sum()) == expected


@pytest.mark.parametrize("alpha", [0.35, 1.0])
def test_asmnet_is_the_keras_network(alpha: float) -> None:
    network = AsmNet(alpha)
    for layer in network.layers.values():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
    weights = to_keras_layout(network)
    model = build(Variant("asmnet", alpha, SIZE), dropout=0.0)
    for layer in model.layers:
        for variable in layer.weights:
            if not variable.name.startswith("seed"):
                variable.assign(weights[f"{layer.name}/{variable.name}"])
    assert sum(array.size for array in weights.values()) == model.count_params()
    crops = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.float32)
    outputs = model((crops - 128) / 128, training=False)
    with torch.no_grad():
        landmarks, pose, _ = network.eval()(torch.from_numpy(crops).permute(0, 3, 1, 2))
    expected = {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}
    np.testing.assert_allclose(landmarks.numpy(), expected["landmarks"], atol=2e-5)
    np.testing.assert_allclose(pose.numpy(), expected["pose"], atol=2e-5)
    again = AsmNet(alpha)
    from_keras_layout(again, weights)
    assert all(np.array_equal(a, weights[n]) for n, a in to_keras_layout(again).items())


def test_the_centre_of_a_heat_map_is_where_its_spot_is() -> None:
    heat = torch.full((1, 2, 8, 8), -1e9)
    heat[0, 0, 2, 5] = heat[0, 1, 7, 0] = 0.0
    expected = [[(5 + 0.5) / 8, (2 + 0.5) / 8], [0.5 / 8, 7.5 / 8]]
    np.testing.assert_allclose(centres_of(heat)[0].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("distance", losses.DISTANCES)
def test_each_distance_falls_with_the_error(bank: FaceBank, distance: str) -> None:
    measure = losses.DISTANCES[distance]
    truth = torch.zeros(2, 68)
    values = [float(measure(torch.full((2, 68), d), truth)) for d in (0.01, 0.1, 1.0)]
    assert values == sorted(values) and len(set(values)) == 3


def test_a_student_and_a_teacher_learn(bank: FaceBank) -> None:
    torch.manual_seed(0)
    scaling = losses.Scaling.of(UNITS, CPU)
    batch = BatchSource([Share(bank, 1, 1)], FLIP, 0).draw(0.0, Fit(64, 8, 1.0, 1e-3))
    for network, loss in (
        (AsmNet(0.35), losses.student_loss(scaling, "likelihood")),
        (Teacher(8), losses.teacher_loss(scaling)),
    ):
        optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
        values = []
        for _ in range(15):
            optimiser.zero_grad()
            value = loss(network, batch)
            value.backward()
            optimiser.step()
            values.append(value.item())
        assert values[-1] < 0.8 * values[0]


def test_frozen_blocks_stay_as_they_are(bank: FaceBank) -> None:
    student = AsmNet(0.35, frozen=7)
    before = to_keras_layout(student)
    loss = losses.student_loss(losses.Scaling.of(UNITS, CPU))
    fit = Fit(64, 8, 0.3, 1e-2)
    source = BatchSource([Share(bank, 1, 1)], FLIP, 0)
    fit_network(student, source, loss, fit, lambda network: {}, lambda progress: None)
    after = to_keras_layout(student)
    changed = {
        name.split("/")[0] for name in before if not np.array_equal(before[name], after[name])
    }
    assert "block_7_expand" in changed and "landmarks" in changed
    assert not changed & {"Conv1", "bn_Conv1", "expanded_conv_project_BN", "block_6_project_BN"}


def test_a_roll_beyond_the_half_turn_costs_the_short_way_round(bank: FaceBank) -> None:
    scaling = losses.Scaling.of(UNITS, CPU)
    batch = BatchSource([Share(bank, 1, 1)], FLIP, 0).draw(0.0, Fit(64, 8, 1.0, 1e-3))
    batch.pose[:] = torch.tensor([0.0, 0.0, 179.0])
    near, far = torch.tensor([[0.0, 0.0, -179.0]]), torch.tensor([[0.0, 0.0, 0.0]])
    cost = [float(losses._pose_loss(pose.expand(8, 3), batch, scaling)) for pose in (near, far)]
    assert cost[0] < 0.01 * cost[1]


def test_weights_in_files(tmp_path: Path) -> None:
    student, teacher = AsmNet(0.35), Teacher(8)
    write_student(tmp_path / "student.npz", student, UNITS)
    again = AsmNet(0.35)
    assert read_student(tmp_path / "student.npz", again).as_json() == UNITS.as_json()
    assert all(
        np.array_equal(a, to_keras_layout(student)[n]) for n, a in to_keras_layout(again).items()
    )
    with pytest.raises(ModelError, match="does not hold weights for this network"):
        read_student(tmp_path / "student.npz", AsmNet(0.5))
    write_teacher(tmp_path, teacher)
    other = Teacher(8)
    read_teacher(tmp_path, other)
    for name, tensor in teacher.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], tensor, atol=2e-3, rtol=2e-3)
    with pytest.raises(ModelError, match="all parts of this teacher"):
        read_teacher(tmp_path / "nowhere", other)


PLAN = """
pixels = 96
start = "start.npz"
[data]
drawn = 8
drawn_validate = 4
turn = ["faces"]
views = 1
[data.train]
faces = "faces.npz"
[data.validate]
faces = "faces.npz"
[check]
batch = 4
seconds = 0.1
students = [[32, false]]
[teacher]
size = 32
batch = 4
seconds = 0.5
rate = 1e-3
width = 8
labels = ["faces"]
replaces = ["faces"]
shares = { faces = [1, 1], turned = [1, 1], drawn = [1, 1] }
[[student]]
name = "first"
size = 32
batch = 4
seconds = 0.5
rate = 1e-3
start = "start.npz"
shares = { faces = [1, 2], drawn = [1, 1] }
[[student]]
name = "second"
size = 32
batch = 4
seconds = 0.2
rate = 1e-3
start = "first.npz"
shares = { faces = [1, 1] }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan with its pack and its starting weights."""
    folder = tmp_path_factory.mktemp("plan")
    dataset = DrawnFaces(6, size=128)
    samples = dataset.samples("train")
    rule = CropRule(1.8, 96)
    facts = PackFacts.of(dataset, "train", samples, rule, 90)
    write_pack(folder / "faces.npz", make_pack(samples, rule=rule, quality=90), facts)
    write_student(folder / "start.npz", AsmNet(), UNITS)
    (folder / "plan.toml").write_text(PLAN)
    return folder


def test_a_dry_run_of_a_whole_plan(folder: Path, tmp_path: Path) -> None:
    run(read_plan(folder / "plan.toml"), folder, tmp_path)
    log = (tmp_path / "log.txt").read_text()
    for line in (
        "faces: faces 6, turned 6, drawn 8",
        "speed: 32 px",
        "labels of faces",
        "drawn nme",
    ):
        assert line in log
    with np.load(tmp_path / "labels.npz") as labels:
        assert labels["faces"].shape == (6, 68, 2)
    facts = tomllib.loads("[variant]\ninput_size = 64\n[crop]\nupright = true\n")
    push(tmp_path / "second.npz", facts, tmp_path / "second.keras")
    model = load_float_model(tmp_path / "second.keras")
    assert model.crop == CropRule(size=64, upright=True)
    assert model.scaling.as_json() == UNITS.as_json()
    landmarks, pose = model.predict(np.full((1, 64, 64, 3), 99, np.uint8))
    assert np.isfinite(landmarks).all() and np.isfinite(pose).all()


def test_a_plan_that_asks_for_unknown_faces(bank: FaceBank) -> None:
    with pytest.raises(UsageError, match="no faces called 'dogs'"):
        Faces({"cats": bank}, []).shares({"dogs": [1, 1]})


def test_a_plan_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("pixels = 96")
    monkeypatch.setattr("sys.argv", ["program", str(plan), "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "has no 'start'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("rate = 1e-3\nstart", r"\[\[student\]\] has no setting 'rat'.*Known: name"),
        ("views = 1\n", r"\[data\] has no setting 'view'"),
        ('labels = ["faces"]', r"\[teacher\] is not complete.*labels"),
        ("[check]", "the plan has no setting 'chek'"),
    ],
)
def test_a_plan_with_a_misspelt_setting(wrong: str, message: str) -> None:
    spelt = {"rate": "rat", "views": "view", "labels": "", "[check]": "[chek]"}
    word = next(word for word in spelt if wrong.startswith(word))
    line = wrong.replace(word, spelt[word], 1) if spelt[word] else ""
    with pytest.raises(UsageError, match=message):
        parse_plan(tomllib.loads(PLAN.replace(wrong, line)))


def test_the_example_plan_can_be_read() -> None:
    plan = read_plan(Path(__file__).parents[2] / "configs" / "gpu.toml")
    assert plan.students


def test_a_facts_file_of_another_width(tmp_path: Path) -> None:
    write_student(tmp_path / "student.npz", AsmNet(0.35), UNITS)
    with pytest.raises(ModelError, match="Conv1/kernel"):
        push(tmp_path / "student.npz", {"variant": {"input_size": 64}}, tmp_path / "m.keras")
    assert not (tmp_path / "m.keras").exists()


def test_a_drawn_face_from_profile_to_profile() -> None:
    yaws = [sample.pose[0] for sample in DrawnFaces(60, wide=True).samples("train")]
    assert min(yaws) < -60 and max(yaws) > 60
    usual = [sample.pose[0] for sample in DrawnFaces(60).samples("train")]
    assert max(np.abs(usual)) < 50
    wide = draw_face((0, 3), 64, wide=True)
    assert wide.picture.shape == (64, 64, 3) and np.isfinite(wide.landmarks.points).all()
