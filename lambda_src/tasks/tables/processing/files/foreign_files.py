"""Files that no table is read from, by their first bytes."""

import codecs
import re
from pathlib import Path

from common.problems import Unprocessable
from tasks.framework.unpacking import opened_zip, refused_if_damaged

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
_FOREIGN = {
    ZIP: "a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file: save it as .xlsx or CSV",
    b"%PDF": "a PDF",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"ARROW1": "an Arrow or Feather file",
    b"\xff\xff\xff\xff": "a stream of Arrow",
    b"SQLite": "an SQLite database",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_HTML = re.compile(rb"\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body)\b", re.IGNORECASE | re.S)
_XML = re.compile(rb"\s*<(\?xml\b|!DOCTYPE\b|Error\b)", re.IGNORECASE)
_JSON_STRING = re.compile(rb'"\s*(\[\s*)?\{(\\[nrt]|\s)*\\+"')
MAX_PARTS = 10_000
"""Of a workbook, which has a few for each sheet."""

WANTED = "Send CSV, JSON Lines, Parquet or Excel (.xlsx), plain or compressed with gzip."


def is_workbook(path: Path) -> bool:
    """Whether a zip is an Excel workbook. Raises Unprocessable for others that hold a table."""
    damaged = "The file is a zip archive or an Excel workbook, and damaged: send it again."
    with refused_if_damaged(damaged), opened_zip(path, MAX_PARTS) as archive:
        names = set(archive.namelist())
        kind = b""
        if "mimetype" in names:
            with archive.open("mimetype") as file:
                kind = file.read(200)
    if "xl/workbook.bin" in names:
        raise Unprocessable("The file is a binary Excel workbook (.xlsb): save it as .xlsx or CSV.")
    if b"opendocument" in kind:
        raise Unprocessable("The file is an OpenDocument file: save it as .xlsx or CSV.")
    return "xl/workbook.xml" in names


def refuse_foreign(head: bytes) -> None:
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise Unprocessable(f"The file is {kind}. {WANTED}")
    if head.startswith(GZIP):
        raise Unprocessable(f"The file is compressed with gzip twice: unpack it once. {WANTED}")
    if head[257:262] == b"ustar":
        raise Unprocessable(f"The file is a tar archive: send the file within it. {WANTED}")
    if _HTML.match(head.removeprefix(codecs.BOM_UTF8)):
        raise Unprocessable(
            "The file is an HTML page, perhaps a login or an error page that was saved in its "
            f"place: download the data again. {WANTED}"
        )


def refuse_json_forms(start: bytes) -> None:
    """Raises Unprocessable for JSON that is written for other purposes than rows."""
    if start.startswith(b"\x1e"):
        raise Unprocessable(
            "The file is a JSON text sequence (each value follows a byte 1e): remove those bytes, "
            "and send one JSON object per line."
        )
    if _JSON_STRING.match(start):
        raise Unprocessable(
            "The file is one JSON string that holds JSON, which was encoded twice: encode it once. "
            f"{WANTED}"
        )


def refuse_markup(path: Path) -> None:
    """Raises Unprocessable for XML, which no table is read from."""
    with path.open("rb") as file:
        head = file.read(4096)
    if _XML.match(head.removeprefix(codecs.BOM_UTF8)):
        raise Unprocessable(f"The file is an XML document, perhaps an error message. {WANTED}")
