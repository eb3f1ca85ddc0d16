"""A record in short: its conclusion in one sentence, the words that it uses, how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from asmnet_edge.benchmarks.cases import FLOAT_SUFFIX, QUICK, RIGOROUS
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.cells import Row, accuracy_of, label, signed

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
        "all ms": "One JPEG picture from its bytes to landmarks in its pixels.",
        "cold ms": "From the start of a fresh process to its first landmarks.",
        "RSS MiB": "The most memory that this process held.",
        "inst. MB": "Size of the Python packages that this process imported.",
    }
)


@dataclass(frozen=True)
class Conclusion:
    """What a record comes to.

    best : the row that is named, None where nothing qualifies; sentence : says so
    details : the numbers behind it
    figures : number and meaning of what stands out, such as ``3.2x`` and ``as fast``
    """

    best: Row | None
    sentence: str
    details: str = ""
    figures: tuple[tuple[str, str], ...] = ()


def conclusion(record: BenchmarkRecord) -> Conclusion:
    """Name the artifact that is fastest among those that lose next to nothing.

    That is at most `MOST_DROP` points of NME or, without annotations, `MOST_DEVIATION` %.
    """
    rows = [row for row in record.measured if _is_artifact(row)]
    good = [row for row in rows if _loses_little(row)]
    if not rows:
        return Conclusion(None, "No artifact was measured.")
    if not good:
        return Conclusion(None, f"Every artifact loses more than {_limit(rows)}: none is named.")
    best = min(good, key=lambda row: row["latency_ms"]["p50"])
    base = _reference(record, best)
    return Conclusion(
        best, _sentence(best, base), _details(record, best, base), _figures(best, base)
    )


def _is_artifact(row: Row) -> bool:
    converted = row["format"] != "keras" and row["precision"] != "float32"
    return converted and row.get("compared", True) and "error" not in row


def _loses_little(row: Row) -> bool:
    accuracy = accuracy_of(row)
    if accuracy.get("nme_drop") is not None:
        return bool(accuracy["nme_drop"] <= MOST_DROP)
    return bool((accuracy.get("deviation_iod_percent") or 0.0) <= MOST_DEVIATION)


def _limit(rows: list[Row]) -> str:
    if any(accuracy_of(row).get("nme_drop") is not None for row in rows):
        return f"{MOST_DROP:g} points of NME"
    return f"{MOST_DEVIATION:g} % of the eye distance"


def _reference(record: BenchmarkRecord, best: Row) -> Row | None:
    """The float row to compare with: in the same runtime if there is one, else the reference."""
    rows = [r for r in record.measured if r["precision"] == "float32" and r.get("compared", True)]
    alike = [r for r in rows if (r["runtime"], r["threads"]) == (best["runtime"], best["threads"])]
    named = [r for r in rows if r["name"] == record.content["settings"]["reference"]]
    return next(iter([*alike, *named, *rows]), None)


def _sentence(best: Row, base: Row | None) -> str:
    """Which file, how much faster and smaller, and what it costs."""
    name, about = _file(best), "about " * bool(best["unsteady"] or (base and base["unsteady"]))
    if base is None:
        return f"{name} needs {about}{best['latency_ms']['p50']:.2f} ms a face, {_cost(best)}."
    speed = base["latency_ms"]["p50"] / best["latency_ms"]["p50"]
    size = base["bytes"] / best["bytes"]
    fast = f"{max(speed, 1 / speed):.1f} times as {'fast' if speed >= 1 else 'slow'}"
    small = f"{max(size, 1 / size):.1f} times {'smaller' if size >= 1 else 'larger'}"
    cost = _cost(best)
    comma = "," if cost.startswith("at ") else ";"
    return f"{name} is {about}{fast} as {_file(base)} and {small}{comma} {cost}."


def _details(record: BenchmarkRecord, best: Row, base: Row | None) -> str:
    """The numbers behind the sentence, and whether they may be trusted."""
    threads = best.get("threads") or 1
    where = f"{record.device.name}, {threads} thread{'s' * (threads > 1)}"
    parts = [f"{_p50(row)} ms a face and {row['bytes'] / 1e6:.2f} MB with {_file(row)} in "
             f"{row['runtime']}" for row in (best, base) if row]  # fmt: skip
    text = f"On {where}: {'; '.join(parts)}."
    accuracy = accuracy_of(best)
    if accuracy.get("nme_drop") is not None:
        low, high = map(signed, accuracy["nme_drop_interval"])
        text += f" NME {accuracy['nme']:.2f} %, drop {signed(accuracy['nme_drop'])} points "
        text += f"(95 % interval {low} to {high})."
    if best["unsteady"] or (base and base["unsteady"]):
        text += " The machine was unsteady, so the times are rough."
    return text


def _file(row: Row) -> str:
    return str(row.get("file") or row["name"])


def _p50(row: Row) -> str:
    return f"{'~' if row['unsteady'] else ''}{row['latency_ms']['p50']:.2f}"


def _cost(row: Row) -> str:
    """``at no measurable loss of accuracy (NME -0.002 points): landmarks move by 0.19 pixels``"""
    accuracy, parts = accuracy_of(row), []
    if accuracy.get("nme_drop") is not None:
        lost = accuracy["nme_drop_interval"][0] > 0
        loss = "at a loss of accuracy" if lost else "at no measurable loss of accuracy"
        parts.append(f"{loss} (NME {signed(accuracy['nme_drop'])} points)")
    if accuracy.get("deviation_iod_percent") is not None:
        pixels = accuracy.get("deviation_pixels")
        far = f"{accuracy['deviation_iod_percent']:.2f} % of the eye distance"
        moved = f"{pixels:.2f} pixels of the crop" if pixels is not None else far
        parts.append(f"its landmarks move by {moved} on average")
    return "; ".join(parts) or "what it costs in accuracy was not measured"


def _figures(best: Row, base: Row | None) -> tuple[tuple[str, str], ...]:
    """The numbers that stand out on the page."""
    found = [(f"{_p50(best)} ms", "a face (p50)")]
    if base:
        speed = base["latency_ms"]["p50"] / best["latency_ms"]["p50"]
        found.append((f"{speed:.1f} x", f"the speed of {label(base)}"))
        found.append((f"{best['bytes'] / base['bytes']:.0%}".replace("%", " %"), "of its size"))
    accuracy = accuracy_of(best)
    if accuracy.get("nme_drop") is not None:
        found.append((signed(accuracy["nme_drop"]), "points of NME"))
    if accuracy.get("deviation_pixels") is not None:
        found.append((f"{accuracy['deviation_pixels']:.2f} px", "moved on average"))
    return tuple(found)


def command(record: BenchmarkRecord) -> str:
    """Return the command that repeats the run, as far as the record knows its options."""
    settings = record.content["settings"]
    names = list(dict.fromkeys(str(row.get("file") or row["name"]) for row in record.results))
    compared = {str(r.get("file") or r["name"]) for r in record.results if r.get("compared", True)}
    words = ["asmnet-edge benchmark run"]
    words += [n for n in names if n in compared and not n.endswith(FLOAT_SUFFIX)]
    reference = str(settings["reference"] or "")
    words.append(f"--float-model {reference}" if reference.endswith(FLOAT_SUFFIX) else "--no-float")
    words += [f"--beside {name}" for name in names if name not in compared]
    words += [*_data(settings["faces"]), *_plan(settings)]
    return " ".join([*words, "--output record.json"])


def _data(faces: Mapping[str, Any]) -> list[str]:
    """``300w common`` -> ``--data 300w:DIR --subset common``; nothing for drawn faces."""
    name, _, subset = str(faces["on"]).partition(" ")
    if faces.get("drawn") or name in ("synthetic", "none"):
        return []
    return [f"--data {name}:DIR", *([f"--subset {subset}"] if subset else [])]


def _plan(settings: Mapping[str, Any]) -> list[str]:
    latency, rigorous = settings["latency"], settings["kind"] == "rigorous"
    usual = RIGOROUS if rigorous else QUICK
    words = ["--rigorous"] if rigorous else []
    words += [f"--threads {','.join(map(str, settings['threads']))}"]
    if latency["queries"] != usual.queries:
        words.append(f"--queries {latency['queries']}")
    if latency["seconds"] != usual.seconds:
        words.append(f"--seconds {latency['seconds']:g}")
    if not latency.get("cold_starts", usual.cold_starts):
        words.append("--no-cold")
    if settings.get("sustain_seconds"):
        words.append(f"--sustain {settings['sustain_seconds']:g}s")
    return words
