"""Raccoons in photographs, through the API and by the box that they usually fill.

200 images with 217 boxes (datitran/raccoon_dataset, MIT), read from detection/raccoon. Judged
here, apart from the service: AP@0.5, the area below precision over recall, as PASCAL VOC has it.
"""

import base64
import csv
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from local.client import Client

BACKBONE = Path("dist/backbones/efficientnet_lite0.onnx")
SPLITS = 3
HELD_OUT = 40
BATCH = 8
"""Images per request."""

type Boxes = Mapping[str, np.ndarray]
"""File name to left, top, right and bottom in shares of width and height, shape (n, 4)."""

type Answers = Mapping[str, Sequence[tuple[float, np.ndarray]]]
"""File name to scores and boxes."""


@dataclass(frozen=True)
class Comparison:
    """The mean over three splits, each with 40 images for the test."""

    name: str = "Raccoons"

    def run(self, folder: Path, client: Client) -> dict[str, Any]:
        BACKBONE.stat()  # raises FileNotFoundError before the work
        images = folder / "detection" / "raccoon" / "images"
        rows = self.read(folder)
        boxes = _boxes(rows)
        reference, service, selected = [], [], []
        for seed in range(SPLITS):
            order = np.random.default_rng(seed).permutation(sorted(boxes))
            test = order[:HELD_OUT].tolist()
            known = np.concatenate([boxes[name] for name in order[HELD_OUT:]])
            usual = {name: [(1.0, known.mean(axis=0))] for name in test}
            truth = {name: boxes[name] for name in test}
            reference.append(average_precision(usual, truth))
            answers, candidate = self.service(images, rows, test, client, f"raccoons-{seed}")
            service.append(average_precision(answers, truth))
            selected.append(candidate)
        return {
            "data": self.name,
            "rows": len(boxes),
            "split": f"20% held out, {SPLITS} times",
            "metric": "AP@0.5",
            "reference": round(float(np.mean(reference)), 3),
            "service": round(float(np.mean(service)), 3),
            "selected": sorted(set(selected)),
        }

    def read(self, folder: Path) -> list[dict[str, str]]:
        """A row per box. Raises FileNotFoundError."""
        with (folder / "detection" / "raccoon" / "data" / "raccoon_labels.csv").open() as file:
            return list(csv.DictReader(file))

    def service(
        self,
        images: Path,
        rows: Sequence[dict[str, str]],
        test: Sequence[str],
        client: Client,
        name: str,
    ) -> tuple[Answers, str]:
        """What a model with all options left out finds, and which candidate it is."""
        with tempfile.TemporaryDirectory() as scratch:
            archive = Path(scratch) / "raccoons.zip"
            with zipfile.ZipFile(archive, "w") as opened:
                for file in sorted({row["filename"] for row in rows}):
                    opened.write(images / file, file)
                with opened.open("boxes.csv", "w") as raw:
                    lines = [",".join([*rows[0], "fold"])]
                    for row in rows:
                        fold = "test" if row["filename"] in test else "train"
                        lines.append(",".join([*row.values(), fold]))
                    raw.write("\n".join(lines).encode())
            key = client.upload(name, archive)
        request = {"dataset": name, "source": {"key": key}, "task": "object_detection"}
        client.run("/data_processing", {**request, "split": {"column": "fold"}})
        result = client.run("/model_training", {"model": name, "dataset": name})
        found: dict[str, list[tuple[float, np.ndarray]]] = {}
        for start in range(0, len(test), BATCH):
            some = test[start : start + BATCH]
            instances = [
                {"image": base64.b64encode((images / file).read_bytes()).decode(), "min_score": 0}
                for file in some
            ]
            answer = client.post("/inference", {"model": name, "instances": instances})
            for file, prediction in zip(some, answer["predictions"], strict=True):
                found[file] = [_shares(one, prediction) for one in prediction["objects"]]
        return found, result["selected"]


def average_precision(answers: Answers, truth: Boxes) -> float:
    """The area below precision, made monotonous, over recall."""
    left = {name: list(boxes) for name, boxes in truth.items()}
    ranked = sorted(
        ((score, name, box) for name, found in answers.items() for score, box in found),
        key=lambda one: -one[0],
    )
    hits = []
    for _, name, box in ranked:
        overlaps = [_overlap(box, other) for other in left[name]]
        hit = bool(overlaps) and max(overlaps) >= 0.5
        if hit:
            left[name].pop(int(np.argmax(overlaps)))
        hits.append(hit)
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float(highest[np.array(hits, bool)].sum() / sum(map(len, truth.values())))


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = np.clip(sides, 0, None).prod()
    areas = [(box[2:] - box[:2]).prod() for box in (one, other)]
    return float(common / (sum(areas) - common))


def _boxes(rows: Sequence[dict[str, str]]) -> Boxes:
    found = defaultdict(list)
    for row in rows:
        width, height = float(row["width"]), float(row["height"])
        corners = [float(row[edge]) for edge in ("xmin", "ymin", "xmax", "ymax")]
        found[row["filename"]].append(np.array(corners) / np.array([width, height] * 2))
    return {name: np.array(boxes) for name, boxes in found.items()}


def _shares(found: Mapping[str, Any], prediction: Mapping[str, Any]) -> tuple[float, np.ndarray]:
    box, size = found["box"], np.array([prediction["width"], prediction["height"]] * 2)
    corners = [box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]]
    return found["score"], np.array(corners) / size


COMPARISONS = (Comparison(),)
