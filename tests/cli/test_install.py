"""install.sh, with python3, sudo and systemctl faked: first run, second run, after a change."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.runtime.bundle import ROOT, make_bundle, scripts_folder

HARD = "rtsp://me:p%40s$HOME&`id`\"\\'|@cam/Streaming?channel=1&subtype=0"

PYTHON = r"""#!/bin/bash
echo "python $*" >> "$LOG"
case "$*" in
    *"import picamera2"*) [ -n "$PICAMERA2" ]; exit ;;
    *"import numpy"*) [ "$NUMPY" = 1 ]; exit ;;
    *"from asmnet_edge.io.files"*) echo /shipped.tflite ;;
    "-m venv"*)
        case "$*" in *--system-site-packages*) site=true ;; *) site=false ;; esac
        folder=${@: -1}
        mkdir -p "$folder/bin"
        echo "include-system-site-packages = $site" > "$folder/pyvenv.cfg"
        cp "$0" "$folder/bin/python"
        printf '#!/bin/bash\necho "asmnet-edge $*" >> "$LOG"\n' > "$folder/bin/asmnet-edge"
        chmod +x "$folder/bin/asmnet-edge" ;;
esac
"""
LOGGED = '#!/bin/bash\necho "${0##*/} $*" >> "$LOG"\n'
PLAYED = {
    "python3": PYTHON,
    "sudo": LOGGED + 'exec "$@"\n',
    "systemctl": LOGGED + '[ "$1" != is-active ] || [ -z "$DEAD" ]\n',
    "id": '#!/bin/bash\n[ "$1" = -un ] && echo pi || echo "${PLAYED_UID:-1000}"\n',
}


class Pi:
    """A machine with the programs above, a bundle, and a home."""

    def __init__(self, root: Path, pack: Callable[[str], Path]) -> None:
        self.home, self._root, self._pack = root / "home", root, pack
        self.folder, self.unit, self.log = self.home / "asmnet-edge", root / "unit", root / "log"
        self.environment = {"PICAMERA2": "", "NUMPY": "2", "DEAD": ""}
        (root / "programs").mkdir()
        self.home.mkdir()
        for name, text in PLAYED.items():
            (root / "programs" / name).write_text(text)
            (root / "programs" / name).chmod(0o755)
        self.bundle = pack("first")

    def new_wheel(self) -> None:
        self.bundle = self._pack("second")

    def install(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        path = f"{self._root / 'programs'}:{os.environ['PATH']}"
        mine = {"PATH": path, "HOME": str(self.home), "LOG": str(self.log)}
        mine |= {"ASMNET_EDGE_UNIT": str(self.unit), **self.environment}
        command = ["bash", str(self.bundle / "install.sh"), *words]
        return subprocess.run(command, capture_output=True, text=True, env=mine)

    def done(self, *words: str) -> list[str]:
        """What was called by an installation that went well."""
        ended = self.install(*words)
        assert ended.returncode == 0, ended.stderr
        return self.log.read_text().splitlines()

    def setting(self, name: str) -> str:
        """As a shell reads it; systemd's rules inside double quotes are the same."""
        command = ["bash", "-c", f'. {self.folder}/service.env; printf %s "${name}"']
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    def pack(content: str) -> Path:
        wheel = tmp_path / content / "asmnet_edge-0.1.0-py3-none-any.whl"
        wheel.parent.mkdir()
        with ZipFile(wheel, "w") as file:
            file.writestr("asmnet_edge/__init__.py", f"# {content}")
        make_bundle(wheel, [shipped(SHIPPED_INT8)], wheel.parent / "device.tar.gz")
        command = ["tar", "xzf", str(wheel.parent / "device.tar.gz"), "-C", str(wheel.parent)]
        subprocess.run(command, check=True)
        return wheel.parent / ROOT

    return Pi(tmp_path, pack)


def called(log: list[str], words: str) -> bool:
    return any(words in line for line in log)


def test_first_run_second_run_and_a_new_wheel(pi: Pi) -> None:
    log = pi.done()
    assert called(log, "-m venv") and called(log, "pip install") and called(log, "doctor")
    assert not called(log, "sudo")
    again = pi.done()
    assert not (called(again, "-m venv") or called(again, "pip install") or called(again, "sudo"))
    pi.new_wheel()
    newer = pi.done()
    assert called(newer, "pip install") and not called(newer, "-m venv")


def test_the_one_model_of_the_bundle_is_the_one_that_is_used(pi: Pi) -> None:
    pi.done("--service", "0")
    model = pi.folder / "models" / SHIPPED_INT8
    assert model.is_file() and model.with_name(model.name + ".json").is_file()
    assert pi.setting("ASMNET_EDGE_MODEL") == str(model)
    assert (pi.folder / "model").read_text().strip() == str(model)


def test_the_camera_reaches_the_service_verbatim_and_only_the_service(pi: Pi) -> None:
    pi.done("--service", HARD)
    assert pi.setting("ASMNET_EDGE_SOURCE") == HARD
    assert (pi.folder / "service.env").stat().st_mode & 0o777 == 0o600
    unit = pi.unit.read_text()
    assert "rtsp" not in unit
    assert "@" not in "".join(line for line in unit.splitlines() if "ExecStart" in line)
    assert f"EnvironmentFile={pi.folder}/service.env" in unit.splitlines()
    assert " --wait " in unit
    assert "/var/lib/asmnet-edge" in unit and "ProtectSystem=strict" in unit  # for --records
    assert "User=pi" in unit.splitlines()


def test_edited_settings_are_kept(pi: Pi) -> None:
    pi.done("--service", "0")
    with (pi.folder / "service.env").open("a") as file:
        file.write('ASMNET_EDGE_TOKEN="a-long-word"\n')
    log = pi.done("--service", "picamera2")
    assert called(log, "restart asmnet-edge")
    assert pi.setting("ASMNET_EDGE_SOURCE") == "picamera2"
    assert pi.setting("ASMNET_EDGE_TOKEN") == "a-long-word"


def test_a_service_that_runs_gets_the_new_wheel(pi: Pi) -> None:
    assert called(pi.done("--service", "0"), "sudo systemctl restart asmnet-edge")
    assert not called(pi.done(), "restart")
    unchanged = pi.done("--service", "0")
    assert called(unchanged, "enable") and not called(unchanged, "restart")
    pi.new_wheel()
    assert called(pi.done(), "try-restart asmnet-edge")


def test_a_service_that_does_not_run_is_reported(pi: Pi) -> None:
    pi.environment["DEAD"] = "yes"
    ended = pi.install("--service", "0")
    assert ended.returncode == 1
    assert "does not run: see journalctl" in ended.stderr
    assert "runs." not in ended.stdout


def test_an_environment_from_before_picamera2_is_recreated(pi: Pi) -> None:
    pi.done()
    (pi.folder / "my-records.csv").write_text("kept")
    pi.environment |= {"PICAMERA2": "yes", "NUMPY": "1"}
    log = pi.done()
    assert called(log, "-m venv --system-site-packages")
    assert called(log, "numpy<2 opencv-python-headless<4.10")
    assert (pi.folder / "my-records.csv").read_text() == "kept"
    assert not called(pi.done(), "-m venv")


def test_a_foreign_folder_is_refused(pi: Pi) -> None:
    (pi.home / "lib").mkdir()
    ended = pi.install(str(pi.home))
    assert ended.returncode == 2
    assert "give another folder" in ended.stderr
    assert (pi.home / "lib").is_dir()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--service"], "expected a camera"),
        (["--service", "a\nb"], "must not contain line breaks"),
        (["--quick"], "no such option: --quick"),
        (["a.whl", "b.whl"], "expected one wheel"),
        (["none.whl"], "there is no wheel at none.whl"),
        (["a&b"], "expected a folder of letters"),
    ],
)
def test_wrong_arguments_are_reported(pi: Pi, words: list[str], complaint: str) -> None:
    ended = pi.install(*words)
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert not pi.folder.exists()


def test_a_damaged_bundle_is_not_installed(pi: Pi) -> None:
    (pi.bundle / "READ-ME.txt").write_text("something else")
    ended = pi.install()
    assert ended.returncode == 2
    assert "the bundle is damaged" in ended.stderr
    assert not pi.folder.exists()


def test_root_is_refused(pi: Pi) -> None:
    pi.environment["PLAYED_UID"] = "0"
    ended = pi.install()
    assert (ended.returncode, "without sudo" in ended.stderr) == (2, True)


def test_a_missing_wheel_is_reported(pi: Pi, tmp_path: Path) -> None:
    pi.bundle = tmp_path / "scripts"
    pi.bundle.mkdir()
    for script in scripts_folder().glob("*.sh"):
        (pi.bundle / script.name).write_bytes(script.read_bytes())
    ended = pi.install()
    assert ended.returncode == 2
    assert "no wheel lies beside" in ended.stderr


def test_the_service_option_may_come_last_and_help_is_printed(pi: Pi) -> None:
    pi.done(str(pi.home / "elsewhere"), "--service", "0")
    assert f"{pi.home}/elsewhere/bin/asmnet-edge" in pi.unit.read_text()
    ended = pi.install("--help")
    assert ended.returncode == 0
    assert "./install.sh [--service SOURCE]" in ended.stdout
