"""Boxes as Pascal VOC has them: an XML file per image (Everingham et al., 2010)."""

from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from tasks.images.processing.places import tidy
from tasks.object_detection.processing.sheets import Marked, Sheet, number

MAX_BYTES = 1_000_000
"""An image's annotation has a few kilobytes."""


def read(path: PurePosixPath, data: bytes) -> Sheet | None:
    """What an XML file says; None for one about something else. Raises ValueError."""
    root = _parsed(data)
    if root.tag != "annotation":
        return None
    objects = [
        Marked(_text(one, "name"), _corners(one.find("bndbox"))) for one in root.findall("object")
    ]
    size = number(_text(root, "size/width")), number(_text(root, "size/height"))
    named = _text(root, "filename")
    names = (named, path.stem) if named else (path.stem,)
    folder = PurePosixPath(tidy(_text(root, "folder"))).name
    return Sheet(path, path.stem, size, objects, names=names, folder=folder)


def _corners(box: Element | None) -> tuple[float, float, float, float]:
    left, top, right, bottom = (
        number(None if box is None else _text(box, edge))
        for edge in ("xmin", "ymin", "xmax", "ymax")
    )
    return left, top, right, bottom


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _parsed(data: bytes) -> Element:
    """The root of a document that defines no entities: those can grow without bound."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"has {len(data):,} bytes, and {MAX_BYTES:,} is the most for an image")
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except expat.ExpatError as error:
        raise ValueError(f"is not XML from line {error.lineno} on") from error
    except LookupError as error:
        raise ValueError("names an encoding that is not known: save it as UTF-8") from error


def _refuse(*declared: object) -> None:
    raise ValueError("declares a document type, which annotations have no need of: remove it")
