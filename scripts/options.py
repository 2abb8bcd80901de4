"""The options of tasks as the contract has them: made of the types that requests are read as.

API Gateway knows no `oneOf`, so that a body has the options of all tasks: a field that several
tasks have is one property, which says what each makes of it. Descriptions are the docstrings under
the fields.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, reduce
from itertools import pairwise
from typing import Any

import msgspec
import yaml

import tasks

_REGION = re.compile(r"^( *)# BEGIN_OPTIONS (\w+)\n.*?^ *# END_OPTIONS\n", re.DOTALL | re.MULTILINE)
_WIDTH = 150
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_LEFT_OUT = {"additionalProperties", "propertyNames", "default", "title"}
"""What API Gateway refuses, and what descriptions say."""

type Schema = dict[str, Any]
type Form = type[msgspec.Struct]
type Forms = Mapping[str, Form]
"""The struct that options are read as, by task."""

type Parts = dict[str, dict[str, Form]]
"""What several tasks have by one name, such as split: the structs by the name of their schema."""

type Fields = Mapping[str, msgspec.structs.FieldInfo]
"""A field, by task."""


def with_options(contract: str) -> str:
    """The contract's text with what is between its markers replaced.

    Raises ValueError for a field without a docstring, and for one that tasks give types that differ
    in more than their choices.
    """
    parts: Parts = {}
    regions = {
        "processing": properties(
            {one: tasks.task(one).processing_options for one in tasks.TASKS}, parts
        ),
        "training": properties(
            {one: tasks.task(one).training_options for one in tasks.TASKS}, parts
        ),
        "parts": {},
    }
    regions["parts"] = {name: _component(forms) for name, forms in parts.items()}

    def region(match: re.Match[str]) -> str:
        indent, name = match.groups()
        text = yaml.safe_dump(regions[name], sort_keys=False, allow_unicode=True, width=_WIDTH)
        return textwrap.indent(f"# BEGIN_OPTIONS {name}\n{text}# END_OPTIONS\n", indent)

    return _REGION.sub(region, contract)


def properties(forms: Forms, parts: Parts) -> Schema:
    """The properties of a body that is read as one of several structs, by the task.

    Structs within these are added to parts.
    """
    found: dict[str, dict[str, msgspec.structs.FieldInfo]] = {}
    for task, form in forms.items():
        for field in msgspec.structs.fields(form):
            found.setdefault(field.encode_name, {})[task] = field
    return {name: _property(forms, fields, parts) for name, fields in found.items()}


def _property(forms: Forms, fields: Fields, parts: Parts) -> Schema:
    structs = {task: field.type for task, field in fields.items() if _is_struct(field.type)}
    if len(structs) == len(fields):
        name = _base(next(iter(structs.values()))).__name__
        parts.setdefault(name, {}).update(structs)
        return {"$ref": f"#/components/schemas/{name}"}
    schemas = {task: schema(field.type) for task, field in fields.items()}
    merged = reduce(_merged, schemas.values())
    return merged | {"description": _description(forms, fields, schemas, merged)}


def _component(forms: Forms) -> Schema:
    base = _base(next(iter(forms.values())))
    return {
        "type": "object",
        "description": _text(base.__doc__) + _of_tasks(forms, len(tasks.TASKS)),
        "properties": properties(forms, {}),
    }


def schema(kind: Any) -> Schema:
    """A type in the words of OpenAPI 3.0.1 that API Gateway takes.

    >>> from typing import Literal
    >>> schema(Literal["b", "a"] | None)
    {'type': 'string', 'enum': ['a', 'b', None], 'nullable': True}
    """
    return _plain(msgspec.json.schema(kind))


def _plain(said: Schema) -> Schema:
    if "anyOf" in said:
        (one,) = [one for one in said["anyOf"] if one != {"type": "null"}]
        plain = _plain(one) | {"nullable": True}
        return plain | ({"enum": [*plain["enum"], None]} if "enum" in plain else {})
    plain = {"type": "string"} if "enum" in said else {}
    for key, value in said.items():
        if key == "items":
            plain[key] = _plain(value)
        elif key == "pattern":
            plain[key] = value.replace("\\Z", "$")
        elif key not in _LEFT_OUT:
            plain[_BOUNDS.get(key, key)] = value
    return plain


def _merged(one: Schema, other: Schema) -> Schema:
    """The schema of what either takes. Raises ValueError where more than choices differ."""
    choices: Schema = {}
    if "items" in one and "items" in other:
        choices["items"] = _merged(one["items"], other["items"])
    if "enum" in one and "enum" in other:
        null = [None] if None in one["enum"] else []
        choices["enum"] = [*sorted({*_choices(one), *_choices(other)}), *null]
    if one | choices != other | choices:
        raise ValueError(f"{one} and {other} are of one name: give the options one type")
    return one | choices


def _choices(said: Schema) -> list[str]:
    return [one for one in said.get("items", said).get("enum", ()) if one is not None]


def _description(
    forms: Forms, fields: Fields, schemas: Mapping[str, Schema], merged: Schema
) -> str:
    """What tasks say of a field by its docstrings, each with the tasks that say so."""
    by_text: dict[str, dict[str, msgspec.structs.FieldInfo]] = {}
    for task, field in fields.items():
        by_text.setdefault(_docstring(forms[task], field.name), {})[task] = field
    return " ".join(
        text
        + _of_choices({task: _choices(schemas[task]) for task in some}, _choices(merged))
        + _of_defaults([field.default for field in some.values()])
        + _of_tasks(some, len(forms))
        for text, some in by_text.items()
    )


def _of_choices(choices: Mapping[str, list[str]], merged: list[str]) -> str:
    """Which tasks have which choices, where not all have all."""
    if all(some == merged for some in choices.values()):
        return ""
    by_choices: dict[str, list[str]] = {}
    for task, some in choices.items():
        by_choices.setdefault(_listed(some), []).append(task)
    if len(by_choices) == 1:
        return f" One of {next(iter(by_choices))}."
    return f" By task: {'; '.join(f'{", ".join(of)}: {some}' for some, of in by_choices.items())}."


def _of_defaults(defaults: Sequence[Any]) -> str:
    """What a field is when left out, if that can be said in a word."""
    words = {
        one if isinstance(one, str) else json.dumps(one): None
        for one in defaults
        if isinstance(one, str | int | float)
    }
    by_task = ", by the task" if len(words) > 1 else ""
    return f" By default {_listed(words, 'or')}{by_task}." if words else ""


def _of_tasks(some: Iterable[str], count: int) -> str:
    names = list(some)
    return "" if len(names) == count else f" For {_listed(names)}."


def _listed(words: Iterable[str], last: str = "and") -> str:
    *others, end = words
    return f"{', '.join(others)} {last} {end}" if others else end


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _structs(form: Form) -> list[Form]:
    """A struct and those that it extends, the nearest first."""
    return [one for one in form.__mro__ if _is_struct(one) and one is not msgspec.Struct]


def _base(form: Form) -> Form:
    """The struct that all of a kind extend."""
    return _structs(form)[-1]


def _docstring(form: Form, name: str) -> str:
    """What is written under a field, in the struct or in one that it extends."""
    for struct in _structs(form):
        if name in (docstrings := _docstrings(struct)):
            return docstrings[name]
    raise ValueError(f"{form.__module__}.{form.__name__}: write a docstring under {name}")


@cache
def _docstrings(struct: Form) -> dict[str, str]:
    """The docstrings under the fields that a struct adds, by field."""
    found = {}
    definition = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    for field, below in pairwise(ast.iter_child_nodes(definition)):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = _text(text)
    return found


def _text(docstring: str | None) -> str:
    return " ".join((docstring or "").split())
