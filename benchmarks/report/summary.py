"""A record in short: its conclusion in one sentence, the words that it uses, how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from asmnet_edge.benchmarks.cases import DRAWN_FACES, QUICK, RIGOROUS
from asmnet_edge.benchmarks.record_types import (
    AccuracyResult,
    CaseResult,
    FaceSettings,
    RecordContent,
)
from asmnet_edge.benchmarks.report.cells import Row, measured_rows, megabytes, signed
from asmnet_edge.formats import FLOAT_SUFFIX

MOST_DROP = 0.1  # points of NME that a file may lose and still be the one that is named
MOST_DEVIATION = 1.0  # % of the eye distance, where no NME is known

GLOSSARY: Mapping[str, str] = MappingProxyType(
    {
        "artifact": "A converted model file (.tflite, .onnx, or .xml with .bin) with its manifest.",
        "float model": "The trained Keras network that the artifacts were converted from.",
        "contract": "What all artifacts have in common: a square RGB crop (uint8) goes in, "
        "landmarks relative to the crop and the head's pose in degrees come out.",
        "p50, p90, p99": "Half, 90 % and 99 % of all calls took at most so many milliseconds.",
        "~": "The latency of this row was unsteady; the reasons stand under “Read with care”.",
        "±": "Half the width of the 95 % interval over rounds.",
        "int8 ops": "Share of the network's operators that compute with 8-bit integers.",
        "NME": "Normalised mean error: mean distance of the landmarks to the annotated ones, in % "
        "of the distance between the outer eye corners, averaged over faces.",
        "FR@8": "Failure rate: share of faces with an NME above 8 % (10 % for WFLW).",
        "AUC": "Area under the cumulative error curve up to that threshold, from 0 to 1; more is "
        "better.",
        "drop": "NME of the artifact less that of the float model on the same crops, in points; "
        "in brackets its 95 % interval over faces.",
        "deviation": "Distance of the artifact's landmarks to the float model's, in % of the eye "
        "distance. It needs no annotations.",
        "pose": "Mean absolute error over yaw, pitch and roll, in degrees.",
        "jitter": "How far landmarks move under noise on a still picture / while the picture "
        "slides by parts of a pixel, in % of the eye distance.",
        "decode, detect, crop, infer": "Milliseconds of the stages of one JPEG picture: decode it, "
        "find the face, cut it out twice, run the network on both crops.",
        "all ms": "One JPEG picture from its bytes to landmarks in its pixels.",
        "cold ms": "From the start of a fresh process to its first landmarks.",
        "RSS MiB": "The most memory that this process held.",
        "inst. MB": "Size of the Python packages that this process imported.",
    }
)


@dataclass(frozen=True)
class Conclusion:
    """Conclusion of a record.

    best : the row that is named, None where nothing qualifies
    sentence : which file it is, how much faster and smaller, what it costs
    details : the numbers behind it
    figures : number and meaning of what stands out, such as ``3.2 x`` and ``the speed of ...``
    """

    best: Row | None
    sentence: str
    details: str = ""
    figures: tuple[tuple[str, str], ...] = ()


def conclusion(record: RecordContent) -> Conclusion:
    """Name the artifact that is fastest among those that lose next to nothing.

    That is at most `MOST_DROP` points of NME or, without annotations, `MOST_DEVIATION` %.
    """
    rows = [row for row in measured_rows(record) if _is_artifact(row.case)]
    good = [row for row in rows if _loses_little(row.case.figures)]
    if not rows:
        what = "int8 or float16 " if record.measured else ""
        return Conclusion(None, f"No {what}artifact was measured.")
    if not good:
        return Conclusion(None, f"Every artifact loses more than {_limit(rows)}: none is named.")
    best = min(good, key=lambda row: row.latency.p50)
    base = _reference(record, best)
    return Conclusion(
        best, _sentence(best, base), _details(record, best, base), _figures(best, base)
    )


def _is_artifact(case: CaseResult) -> bool:
    converted = case.format != "keras" and case.precision != "float32"
    return converted and case.descends_from_float_model and case.error is None


def _loses_little(figures: AccuracyResult) -> bool:
    if figures.nme_drop is not None:
        return figures.nme_drop <= MOST_DROP
    return (figures.deviation_iod_percent or 0.0) <= MOST_DEVIATION


def _limit(rows: Sequence[Row]) -> str:
    if any(row.case.figures.nme_drop is not None for row in rows):
        return f"{MOST_DROP:g} points of NME"
    return f"{MOST_DEVIATION:g} % of the eye distance"


def _reference(record: RecordContent, best: Row) -> Row | None:
    """The float row to compare with: in the same runtime if there is one, else the reference."""
    measured = measured_rows(record)
    rows = [r for r in measured if r.case.precision == "float32"]
    rows = [r for r in rows if r.case.descends_from_float_model]
    runtime, threads = best.case.runtime, best.case.threads
    alike = [r for r in rows if (r.case.runtime, r.case.threads) == (runtime, threads)]
    named = [r for r in rows if r.case.name == record.settings.reference]
    return next(iter([*alike, *named, *rows]), None)


def _sentence(best: Row, base: Row | None) -> str:
    """Which file, how much faster and smaller, and what it costs."""
    name, cost = best.case.file_name, _cost(best.case.figures)
    about = "about " * _is_rough(best, base)
    if base is None:
        return f"{name} needs {about}{best.latency.p50:.2f} ms a face, {cost}."
    speed = base.latency.p50 / best.latency.p50
    fast = f"{max(speed, 1 / speed):.1f} times as {'fast' if speed >= 1 else 'slow'}"
    comma = "," if cost.startswith("at ") else ";"
    return f"{name} is {about}{fast} as {base.case.file_name}{_smaller(best, base)}{comma} {cost}."


def _smaller(best: Row, base: Row) -> str:
    if not best.case.bytes or not base.case.bytes:
        return ""
    size = base.case.bytes / best.case.bytes
    return f" and {max(size, 1 / size):.1f} times {'smaller' if size >= 1 else 'larger'}"


def _is_rough(best: Row, base: Row | None) -> bool:
    return bool(best.case.unsteady or (base and base.case.unsteady))


def _details(record: RecordContent, best: Row, base: Row | None) -> str:
    """The numbers behind the sentence, and whether they may be trusted."""
    threads = best.case.threads or 1
    where = f"{record.device.name}, {threads} thread{'s' * (threads > 1)}"
    parts = [
        f"{_p50(row)} ms a face and {megabytes(row)} MB with {row.case.file_name} in "
        f"{row.case.runtime}"
        for row in (best, base)
        if row
    ]
    text = f"On {where}: {'; '.join(parts)}."
    figures = best.case.figures
    if figures.nme_drop is not None and figures.nme_drop_interval is not None:
        low, high = map(signed, figures.nme_drop_interval)
        text += f" NME {figures.nme or 0:.2f} %, drop {signed(figures.nme_drop)} points "
        text += f"(95 % interval {low} to {high})."
    if _is_rough(best, base):
        text += " The machine was unsteady, so the times are rough."
    if record.settings.faces.are_drawn:
        text += " The faces are drawn: accuracy on real ones is not known."
    return text


def _p50(row: Row) -> str:
    return f"{'~' if row.case.unsteady else ''}{row.latency.p50:.2f}"


def _cost(figures: AccuracyResult) -> str:
    """``at no measurable loss of accuracy (NME -0.002 points); its landmarks move by ...``"""
    parts = []
    if figures.nme_drop is not None:
        lost = figures.nme_drop_interval is not None and figures.nme_drop_interval[0] > 0
        loss = "at a loss of accuracy" if lost else "at no measurable loss of accuracy"
        parts.append(f"{loss} (NME {signed(figures.nme_drop)} points)")
    if figures.deviation_iod_percent is not None:
        pixels = figures.deviation_pixels
        far = f"{figures.deviation_iod_percent:.2f} % of the eye distance"
        moved = f"{pixels:.2f} pixels of the crop" if pixels is not None else far
        parts.append(f"its landmarks move by {moved} on average")
    return "; ".join(parts) or "what it costs in accuracy was not measured"


def _figures(best: Row, base: Row | None) -> tuple[tuple[str, str], ...]:
    """The numbers that stand out on the page."""
    found = [(f"{_p50(best)} ms", "a face (p50)")]
    if base:
        speed = base.latency.p50 / best.latency.p50
        found.append((f"{speed:.1f} x", f"the speed of {base.label}"))
        if best.case.bytes and base.case.bytes:
            found.append((f"{100 * best.case.bytes / base.case.bytes:.0f} %", "of its size"))
    figures = best.case.figures
    if figures.nme_drop is not None:
        found.append((signed(figures.nme_drop), "points of NME"))
    if figures.deviation_pixels is not None:
        found.append((f"{figures.deviation_pixels:.2f} px", "moved on average"))
    return tuple(found)


# The command that repeats a run, as far as the record knows its options


def command(record: RecordContent) -> str:
    """Return a command that repeats the run; files by name, a data set's folder as ``DIR``."""
    words = ["asmnet-edge", "benchmark", "run", *_files(record), *_data(record), *_effort(record)]
    return shlex.join([*words, "--output", "record.json"])


def _files(record: RecordContent) -> list[str]:
    named = {case.file_name: case for case in record.results}
    floats = [name for name in named if name.endswith(FLOAT_SUFFIX)]
    compared = [name for name, case in named.items() if case.descends_from_float_model]
    words = [name for name in compared if name not in floats]
    for name in named:
        words += [] if name in compared else ["--beside", name]
    main = [name for name in floats if name in compared]
    words += ["--float-model", main[0]] if main else ["--no-float"]
    runtimes = {c.key.split(" in ")[1].split(",")[0] for c in record.results if " in " in c.key}
    if not runtimes:
        return words
    return [*words, "--runtimes", runtimes.pop() if len(runtimes) == 1 else "all"]


def _data(record: RecordContent) -> list[str]:
    """``300w common`` -> ``--data 300w:DIR --subset common``; nothing for the usual drawn faces."""
    faces = record.settings.faces
    name, _, subset = faces.on.rpartition(" ")
    if faces.on == "none" or _are_usual(record, faces, name):
        return []
    argument = faces.count if name.startswith("synthetic") else "DIR"
    return ["--data", f"{name}:{argument}", "--subset", subset]


def _are_usual(record: RecordContent, faces: FaceSettings, name: str) -> bool:
    """Whether the faces are those of a run without ``--data``: so many drawn ones, no NME."""
    annotated = any(case.figures.nme is not None for case in record.results)
    return name == "synthetic" and faces.count == DRAWN_FACES and not annotated


def _effort(record: RecordContent) -> list[str]:
    settings, latency = record.settings, record.settings.latency
    base = RIGOROUS if settings.kind == "rigorous" else QUICK
    words = ["--rigorous"] if settings.kind == "rigorous" else []
    counts = ",".join(map(str, settings.threads))
    words += ["--threads", counts] if counts not in ("", "1") else []
    words += [] if latency.queries == base.queries else ["--queries", str(latency.queries)]
    words += [] if latency.seconds == base.seconds else ["--seconds", f"{latency.seconds:g}"]
    words += [] if latency.cold_starts else ["--no-cold"]
    sustain = settings.sustain_seconds
    words += ["--sustain", f"{sustain:g}s"] if sustain else []
    return [*words, *(["--pictures"] if record.portraits else [])]
