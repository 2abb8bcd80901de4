"""The zip that a model comes in, unpacked without trust."""

import zipfile
from pathlib import Path, PurePath

from common.problems import Unprocessable
from tasks.framework.unpacking import check_ratio, is_of_system, opened_zip, refused_if_damaged
from tasks.onnx.spec import TOKENIZER

LIMITS = {"model.onnx": 200_000_000, "manifest.json": 20_000_000, TOKENIZER: 20_000_000}

MAX_ENTRIES = 100
_CHUNK = 1 << 20


def unpack(archive: Path, folder: Path) -> None:
    """Writes model.onnx, manifest.json and tokenizer.json, if it is there, into the folder.

    Nothing else may be in the zip but what operating systems add; a folder around them is allowed.
    Sizes are counted while they are read, and no more is read than a zip says. Raises
    Unprocessable.
    """
    damaged = "The file is no zip that can be read: pack it again, without a password."
    with refused_if_damaged(damaged), opened_zip(archive, MAX_ENTRIES) as opened:
        entries = [
            one
            for one in opened.infolist()
            if not one.is_dir() and not is_of_system(PurePath(one.filename))
        ]
        if len(entries) > MAX_ENTRIES:
            raise Unprocessable(f"The zip has {len(entries):,} files: three are wanted.")
        wanted = _wanted(entries)
        check_ratio(archive.stat().st_size, sum(one.file_size for one in wanted.values()))
        for name, entry in wanted.items():
            _extract(opened, entry, folder / name, LIMITS[name])


def _wanted(entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        folder, _, name = entry.filename.rpartition("/")
        if name not in LIMITS or name in found or "/" in folder or folder == "..":
            raise Unprocessable(
                f"The zip holds {entry.filename!r:.200}: it must hold model.onnx, manifest.json "
                "and perhaps tokenizer.json, and nothing else. Weights in files of their own "
                "belong into model.onnx: onnx.save_model(model, path, save_as_external_data=False)."
            )
        found[name] = entry
    if missing := [name for name in LIMITS if name not in found and name != TOKENIZER]:
        raise Unprocessable(f"The zip lacks {' and '.join(missing)}.")
    return found


def _extract(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, limit: int) -> None:
    size = 0
    with opened.open(entry) as source, path.open("wb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise Unprocessable(f"{path.name} has more than {limit:,} bytes unpacked.")
            target.write(chunk)
