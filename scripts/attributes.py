"""The attributes of a variable that is an object, with the comment above each."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

_OPTIONAL = re.compile(r"optional\((.+?)(?:, (.+))?\)")
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
    for line in _lines_of_type(folder, variable):
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
            path = f"{within[-1][0]}.{name}" if within else name
            above, opened = [], type_.endswith("object({")
            optional = _OPTIONAL.fullmatch(type_)
            default = "null" if opened and type_.startswith("optional(") else ""
            if optional:
                type_, default = optional[1], optional[2] or "null"
            if opened:
                of_map = "map(" in type_
                type_ = "map of objects" if of_map else "object"
                within.append((f"{path}.<name>" if of_map else path, len(found)))
            found.append(Attribute(path, type_, default, meanings[name]))
    return found


def _lines_of_type(folder: Path, variable: str) -> list[str]:
    """What is between the first brace and the last of a variable's type."""
    for path in sorted(folder.glob("*.tf")):
        text = path.read_text(encoding="utf-8")
        _, _, rest = text.partition(f'variable "{variable}" {{')
        _, _, rest = rest.partition("\n  type = object({\n")
        if rest:
            return [line.strip() for line in rest.partition("\n  })\n")[0].split("\n")]
    raise ValueError(f"{folder} has no variable {variable} that is an object")
