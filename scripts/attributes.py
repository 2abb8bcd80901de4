"""The attributes of a variable that is an object or a map of such, with the comment above each."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

_OPTIONAL = re.compile(r"optional\((.+?)(?:, (.+))?\)")
_OF = {"map": ("map of objects", ".<name>"), "list": ("list of objects", "[]")}
"""What holds objects: how its type is called, and how one of them is told in a path."""

_TYPE = re.compile(r"\n  type = (map\()?object\({\n(.*?)\n  }\)+\n", re.DOTALL)
_END = re.compile(r"}\)*(?:, (.+))?\)")


@dataclass(frozen=True)
class Attribute:
    """One attribute: its path below the variable; default is empty where there is none."""

    path: str
    type: str
    default: str
    meaning: str


def attributes(folder: Path, variable: str) -> list[Attribute]:
    """All attributes of a folder's variable, as `terraform fmt` writes them.

    The parser of HCL drops comments, so the text is read. An attribute without a comment means what
    one of its name before it does. Raises ValueError where there is none, either.
    """
    found: list[Attribute] = []
    meanings: dict[str, str] = {}
    above: list[str] = []
    within: list[tuple[str, int]] = []  # objects that are not closed: their paths and places
    root, lines = _type(folder, variable)
    for line in lines:
        if line.startswith("#"):
            above.append(line.lstrip("# "))
        elif line.startswith("}"):
            _, place = within.pop()
            if (end := _END.fullmatch(line)) and end[1]:
                found[place] = replace(found[place], default=end[1])
        else:
            name, type_ = (part.strip() for part in line.split("=", 1))
            if above:
                meanings[name] = " ".join(above)
            elif name not in meanings:
                raise ValueError(f"{variable}: write a comment above the attribute {name}")
            path = f"{within[-1][0] if within else root}.{name}".lstrip(".")
            above, opened = [], type_.endswith("object({")
            optional = _OPTIONAL.fullmatch(type_)
            default = "null" if opened and type_.startswith("optional(") else ""
            if optional:
                type_, default = optional[1], optional[2] or "null"
            if opened:
                holder = re.search(r"(map|list)\(", type_)
                type_, one = _OF[holder[1]] if holder else ("object", "")
                within.append((path + one, len(found)))
            found.append(Attribute(path, type_, default, meanings[name]))
    return found


def _type(folder: Path, variable: str) -> tuple[str, list[str]]:
    """What stands for the name in paths of a map, and the lines between the type's braces."""
    for path in sorted(folder.glob("*.tf")):
        text = path.read_text(encoding="utf-8")
        _, _, rest = text.partition(f'variable "{variable}" {{')
        if found := _TYPE.search(rest.partition("\n}\n")[0]):
            return "<name>" if found[1] else "", [line.strip() for line in found[2].split("\n")]
    raise ValueError(f"{folder} has no variable {variable} that is an object")
