"""Writes the docs that are made of code: `python -m scripts.docs`, or `--check` what is stale.

Into each README, between its markers, the tables of the module's inputs and outputs, in the form
of terraform-docs; into docs/inputs.md, the attributes of the root's inputs that are objects; into
modules/rest_api/openapi.yaml, between its markers, the options of tasks; into docs/openapi.yaml,
this contract of the API.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
from hcl2 import SerializationOptions

from scripts.attributes import attributes

REPOSITORY = Path(__file__).parents[1]
BEGIN, END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"
OPENAPI = (
    "# The contract of the REST API. `make docs` copies it from modules/rest_api/openapi.yaml.\n"
)
INPUTS = """\
# Inputs

The attributes of inputs that are objects; the [README](../README.md#inputs) lists all inputs. One
with a default can be left out. Terraform drops an attribute that an object does not have, without a
word: [SECURITY.md](../SECURITY.md#what-the-module-does) says where that is dangerous.
"""
OPTIONS = SerializationOptions(strip_string_quotes=True, preserve_heredocs=False)

Block = tuple[str, dict[str, Any]]
"""A block's label and what is in it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.docs", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if anything would"
    )
    check = parser.parse_args().check
    sys.path.insert(0, str(REPOSITORY / "lambda_src"))
    stale = {
        path: text
        for path, text in generated(REPOSITORY).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        name = path.relative_to(REPOSITORY)
        print(f"{name} is not up to date: run `make docs`" if check else f"wrote {name}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


def generated(repository: Path) -> dict[Path, str]:
    """What each file should hold. Needs lambda_src on Python's path."""
    from scripts.options import with_options

    source = repository / "modules/rest_api/openapi.yaml"
    contract = with_options(source.read_text(encoding="utf-8"))
    texts = {
        source: contract,
        repository / "docs/openapi.yaml": OPENAPI + contract[contract.index("openapi:") :],
        repository / "docs/inputs.md": inputs(repository),
    }
    for path in readmes(repository):
        text = path.read_text(encoding="utf-8")
        objects = "docs/inputs.md" if path.parent == repository else None
        texts[path] = with_tables(text, tables(path.parent, objects), path)
    return texts


def readmes(repository: Path) -> list[Path]:
    """Of every folder with Terraform code that people call or copy."""
    folders = [repository, *repository.glob("modules/*/"), *repository.glob("examples/*/")]
    return [folder / "README.md" for folder in sorted(folders) if any(folder.glob("*.tf"))]


def inputs(root: Path) -> str:
    """A table for each input that is an object: its attributes with type, default and meaning."""
    sections = [INPUTS]
    for name, block in sorted(blocks(root, "variable")):
        if not is_object(block):
            continue
        rows: list[tuple[str, ...]] = [
            (f"`{one.path}`", code(one.type), one.default and code(one.default), prose(one.meaning))
            for one in attributes(root, name)
        ]
        written = table(name, ("Attribute", "Type", "Default", "Meaning"), rows)
        default = f" Its default is {code(value(block['default']))}." if "default" in block else ""
        heading, rest = written.split("\n", 1)
        sections.append(f"{heading}\n\n{prose(block['description'])}{default}\n{rest}")
    return "\n".join(sections)


def is_object(block: dict[str, Any]) -> bool:
    return str(block["type"]).removeprefix("${").startswith(("object(", "map(object("))


def with_tables(text: str, content: str, place: Path) -> str:
    """The text with what is between the markers replaced. Raises ValueError without them."""
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{place} has no lines {BEGIN} and {END}: add them where the tables go")
    return f"{before}{BEGIN}\n{content}{END}{after}"


def tables(folder: Path, objects: str | None = None) -> str:
    """Requirements, inputs and outputs of a module, as Markdown.

    objects is where the attributes of inputs that are objects are, if they are not to be here.
    """
    variables = sorted(blocks(folder, "variable"))
    outputs = sorted(blocks(folder, "output"))
    sections: list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]] = [
        ("Requirements", ("Name", "Version"), requirements(folder)),
        (
            "Inputs",
            ("Name", "Description", "Type", "Default", "Required"),
            [input_row(name, block, objects) for name, block in variables],
        ),
        (
            "Outputs",
            ("Name", "Description"),
            [
                (anchor("output", name), prose(block.get("description", "")))
                for name, block in outputs
            ],
        ),
    ]
    return "\n".join(table(*section) for section in sections if section[2])


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    rule = (":---:" if name == "Required" else "---" for name in head)
    lines = [f"| {' | '.join(cells)} |" for cells in (head, tuple(rule), *rows)]
    return "\n".join((f"## {title}", "", *lines, ""))


def blocks(folder: Path, kind: str) -> Iterator[Block]:
    """All blocks of a kind in a folder's files."""
    for path in sorted(folder.glob("*.tf")):
        with path.open(encoding="utf-8") as file:
            document = hcl2.load(file, serialization_options=OPTIONS)
        for block in document.get(kind, ()):
            yield from ((name.strip('"'), body) for name, body in block.items() if name[:2] != "__")


def requirements(folder: Path) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for path in folder.glob("versions.tf"):
        with path.open(encoding="utf-8") as file:
            (settings,) = hcl2.load(file, serialization_options=OPTIONS)["terraform"]
        rows.append(("terraform", settings["required_version"]))
        for providers in settings.get("required_providers", ()):
            rows += [(name, one["version"]) for name, one in providers.items() if name[:2] != "__"]
    return rows


def input_row(name: str, block: dict[str, Any], objects: str | None) -> tuple[str, ...]:
    required = "default" not in block
    default = "n/a" if required else code(value(block["default"]))
    return (
        anchor("input", name),
        prose(block.get("description", "")),
        f"[object]({objects}#{name})"
        if objects and is_object(block)
        else code(kind(block["type"])),
        default,
        ("yes" if required else "no"),
    )


def anchor(prefix: str, name: str) -> str:
    escaped = name.replace("_", "\\_")
    return f'<a name="{prefix}_{name}"></a> [{escaped}](#{prefix}\\_{escaped})'


def prose(description: str) -> str:
    """A description on one line, with nothing in it that Markdown would take for its own."""
    text = " ".join(description.split()).replace("|", "\\|")
    parts = text.split("`")  # every second one is code
    parts[::2] = [part.replace("_", "\\_").replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def code(text: str) -> str:
    """On one line as code, on several as preformatted text, which a table's cell can hold."""
    text = text.replace("|", "\\|")
    if "\n" not in text:
        return f"`{text}`"
    lines = text.replace("<", "&lt;").split("\n")
    return f"<pre>{'<br/>'.join(lines)}</pre>"


def value(default: Any) -> str:
    """A default as HCL writes it."""
    if isinstance(default, str) and default.startswith("${"):
        return default[2:-1]
    return json.dumps(default)


def kind(written: str) -> str:
    """A type constraint with every attribute of an object on a line of its own."""
    text = written[2:-1] if written.startswith("${") else written
    lines, depth, nested = [""], 0, [0]
    for part in re.findall(r"\{\}|[{}()]|, |[^{}(),]+|,", text):
        if part == "{":
            depth += 1
            nested.append(0)
            lines[-1] += part
            lines.append("  " * depth)
        elif part == "}":
            depth -= 1
            nested.pop()
            lines.append("  " * depth + part)
        elif part == ", " and depth and not nested[-1]:
            lines.append("  " * depth)
        else:
            nested[-1] += {"(": 1, ")": -1}.get(part, 0)
            lines[-1] += part
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
