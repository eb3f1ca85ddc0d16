"""The card as text: a pure function of its figures. No number is written here: all come from them.

What is said of all models is here; `model` begins what is said of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asmnet_edge.benchmarks.accuracy.truth import gaps_in_words
from asmnet_edge.benchmarks.card import pictures
from asmnet_edge.benchmarks.card.text.markdown import (
    block,
    bullets,
    code,
    number,
    percent,
    subset,
    sure,
    table,
)
from asmnet_edge.benchmarks.card.text.model import model_section

Card = Mapping[str, Any]


def render(card: Card, folder: str) -> str:
    """The card as Markdown; ``folder`` : of its pictures, as seen from the text."""
    models = (model_section(section, card, folder) for section in card["models"])
    return block(_head(card, folder), _glance(card), _protocol(card), *models) + "\n"


def _head(card: Card, folder: str) -> str:
    trial = (
        f"**A trial on at most {card['limited_to']} faces of each kind: not to be quoted.**"
        if card["limited_to"]
        else ""
    )
    return block(
        "# Model card",
        trial,
        f"Every number here is from [{folder}.json]({folder}.json); one command makes both:",
        f"```sh\n{card['command']}\n```",
        f"It ran with asmnet-edge {card['asmnet_edge']} on {machine(card)}",
    )


def machine(card: Card) -> str:
    """Processor, system and versions, in one sentence."""
    facts = card["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    cores = f"{facts['cores']} core{'' if facts['cores'] == 1 else 's'}"
    features = f" with {', '.join(facts['features'])}" if facts["features"] else ""
    python = f"Python {facts['python']}"
    return f"{facts['cpu']} ({facts['architecture']}, {cores}{features}), {python}, {packages}."


def _glance(card: Card) -> str:
    limit = number(card["models"][0]["failure_threshold_percent"], 0)
    confidence = f"{card['rules']['confidence_percent']} %"
    header = ("model", "input", "subset", "faces", f"NME % ({confidence})", f"FR@{limit} %",
              f"AUC@{limit} %")  # fmt: skip
    accuracy = table(header, _accuracy_rows(card))
    formats = list(dict.fromkeys(row["format"] for m in card["models"] for row in m["formats"]))
    cost = table(
        ("model", "parameters, M", "multiply-adds, M", *(f"int8 {name}" for name in formats)),
        (_cost_row(model, formats) for model in card["models"]),
    )
    said = "int8: by how much the NME rises, in points, on the first subset of each model."
    return block(
        "## At a glance", accuracy, cost if formats else "", said if formats else "", _others(card)
    )


def _accuracy_rows(card: Card) -> Iterator[tuple[str, ...]]:
    for model in card["models"]:
        for row in model["subsets"]:
            rates = percent(row["failure_rate"]), percent(row["auc"])
            nme = sure(row["nme"], row["nme_interval"])
            name, size = code(pictures.stem(model)), f"{model['input_size']} px"
            yield name, size, subset(row["name"]), str(row["faces"]), nme, *rates


def _cost_row(model: Mapping[str, Any], formats: list[str]) -> tuple[str, ...]:
    first = model["subsets"][0]["name"]
    drops = {row["format"]: row["subsets"][first] for row in model["formats"]}
    cells = [
        sure(drops[name]["nme_drop"], drops[name]["nme_drop_interval"], 3, sign=True)
        if name in drops
        else ""
        for name in formats
    ]
    size = number(model["parameters"] / 1e6), number(model["multiply_adds"] / 1e6, 1)
    return code(pictures.stem(model)), *size, *cells


def _others(card: Card) -> str:
    if not (told := card["published"]):
        return ""
    names = list(told["rows"][0]["nme"])
    rows = [(row["name"], *(number(row["nme"][name]) for name in names)) for row in told["rows"]]
    source = f"What others published, NME %, from [{told['source']}]({told['address']}):"
    return block(source, table(("published", *map(subset, names)), rows))


def _protocol(card: Card) -> str:
    limit = number(card["models"][0]["failure_threshold_percent"], 0)
    data, rules = card["data"], card["rules"]
    said = [
        f"Test faces: {data['name']} ({data['scheme']}), {data['licence']}. They are for "
        "reporting: nothing is trained, calibrated or chosen on them but what a remark names.",
        "Crops are cut by each model's rule around the box of the annotated landmarks. A "
        "detector's box lies less neatly: see the sensitivity to the box.",
        "NME: mean distance of a face's points to the annotated ones over the distance of the "
        f"outer eye corners, mean over faces. FR@{limit}: share of faces above {limit} %. "
        f"AUC@{limit}: area under the error curve up to {limit} %, over {limit} %.",
        f"In brackets: {rules['confidence_percent']} % bootstrap intervals over faces, those of "
        f"one identity drawn together, {rules['resamples']} resamples. They tell how far chance in "
        "the choice of faces goes, not how another training run would have ended.",
        *_lacking(card),
    ]
    return block("## How it was measured", bullets(said))


def _lacking(card: Card) -> Iterator[str]:
    """Subsets without figures of their own, and those of which faces lack."""
    for row in card["models"][0]["not_measured"]:
        gaps, name = gaps_in_words(row["missing"], 0, row["name"]), subset(row["name"])
        same = row["same_as"]
        why = f"; what is here of it are the faces of {subset(same)}" if same else ""
        yield f"{name} is not measured: this copy lacks {gaps or 'it'}{why}."
    for row in card["models"][0]["subsets"]:
        if gaps := gaps_in_words(row["missing"], row["broken"], row["name"]):
            yield f"{subset(row['name'])} is not complete: without {gaps}."
