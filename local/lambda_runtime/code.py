"""Unpacked zips, one folder per sha256, kept between runs."""

import base64
import os
import shutil
import tempfile
import threading
import zipfile
from io import BytesIO
from pathlib import Path

KEEP = 12


class CodeStore:
    """Folders of unpacked code below `root`, named by the sha256 of their zip."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        root.mkdir(parents=True, exist_ok=True)
        for old in sorted(root.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEEP]:
            shutil.rmtree(old, ignore_errors=True)

    def folder(self, content: bytes, sha256: str) -> Path:
        """The folder in which a zip is unpacked; `sha256` is its digest in base64.

        It is unpacked at most once, as it takes a second or two.
        """
        folder = self._root / base64.b64decode(sha256).hex()
        with self._lock:
            if folder.is_dir():
                os.utime(folder)
                return folder
            partial = Path(tempfile.mkdtemp(dir=self._root))
            try:
                _unzip(content, partial)
                partial.chmod(0o755)
                partial.rename(folder)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            return folder


def _unzip(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for info in archive.infolist():
            target = archive.extract(info, folder)
            mode = info.external_attr >> 16
            if mode & 0o111 and not info.is_dir():
                os.chmod(target, 0o755)
