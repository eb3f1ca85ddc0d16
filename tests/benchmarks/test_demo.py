"""``make demo``: its steps, and that it ends as the record concludes."""

import sys
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
from json_rows import measured_rows

from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.summary import conclusion

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="outside a checkout")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """The commands that the demo runs in ``tmp_path``; here they do nothing."""
    monkeypatch.setattr(sys, "argv", ["demo.py", str(tmp_path)])
    return []


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, ...]]) -> ModuleType:
    spec = util.spec_from_file_location("demo", SCRIPT)
    assert spec and spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "run", lambda *words: steps.append(tuple(map(str, words))))
    return module


def test_the_demo_ends_with_the_conclusion_and_uses_the_file_that_it_names(
    demo: ModuleType, steps: list[tuple[str, ...]], record: BenchmarkRecord, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    record.save(tmp_path / "record.json")
    demo.main()
    found = conclusion(record.typed)
    assert found.best is not None
    assert [words[0] for words in steps] == ["convert", "benchmark", "predict"]
    assert str(tmp_path / found.best.case.file_name) in steps[-1]
    assert found.sentence in capsys.readouterr().out


def test_without_a_good_artifact_the_demo_fails_with_the_conclusion(
    demo: ModuleType, record: BenchmarkRecord, tmp_path: Path
) -> None:
    for row in measured_rows(record):
        row["accuracy"]["nme_drop"] = 0.5
    record.save(tmp_path / "record.json")
    with pytest.raises(SystemExit, match="Every artifact loses more than"):
        demo.main()
