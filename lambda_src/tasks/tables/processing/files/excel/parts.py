"""The parts of a workbook, counted, and copied for the reader.

It gets the parts that were counted, under one name each, so that it meets nothing else.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.parsers import expat

from tasks.tables.processing.files.excel.counting import Damaged, Part, count_part
from tasks.tables.processing.files.text_files import check_disk

_CHUNK = 1 << 20

_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

_ROOT = "_rels/.rels"

_ROOT_RELATIONS = (
    f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>'
)


def counted_parts(archive: zipfile.ZipFile) -> dict[str, Part]:
    """What each part has that is XML, by its name; others, such as pictures, are left out.

    Raises BadZipFile for two parts of one name, of which readers take now this, now that.
    """
    parts: dict[str, Part] = {}
    seen = set[str]()
    for info in archive.infolist():
        name = info.filename.casefold()
        if name in seen:
            raise zipfile.BadZipFile(f"{info.filename} is there twice")
        seen.add(name)
        try:
            parts[info.filename] = count_part(archive, info)
        except (Damaged, expat.ExpatError):
            continue
    return parts


def copy_parts(archive: zipfile.ZipFile, parts: Mapping[str, Part], path: Path) -> None:
    """Writes a workbook of those parts, with xl/workbook.xml as its root."""
    path.touch()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        copy.writestr(_ROOT, _ROOT_RELATIONS)
        for name in parts:
            if name.casefold() == _ROOT:
                continue
            with archive.open(name) as old, copy.open(name, "w", force_zip64=True) as new:
                while chunk := old.read(_CHUNK):
                    check_disk(path, len(chunk))
                    new.write(chunk)
