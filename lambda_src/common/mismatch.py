"""Which part of a value does not fit its type, and why.

msgspec's message holds a path, but also texts of the caller that may look like one, and it names no
key of a table. So the parts are tried one by one.
"""

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin

import msgspec

from common.problems import cut

_SHOWN = 80

type Step = str | int


def mismatch(value: Any, form: Any, words: dict[str, str]) -> tuple[Sequence[Step], str] | None:
    """The path and the fault of the first part of a value that does not fit; None if all do.

    words are what to say of a text that does not match a pattern, by pattern.
    """
    if (message := _message(value, form)) is None:
        return None
    for step, part, part_form in _parts(value, form):
        if (found := mismatch(part, part_form, words)) is not None:
            path, reason = found
            return [step, *path], reason
    return _of_struct(value, form) or ([], _reason(value, form, message, words))


def _message(value: Any, form: Any) -> str | None:
    try:
        msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _parts(value: Any, form: Any) -> Iterator[tuple[Step, Any, Any]]:
    """What a value is made of, keys included, each with its step and type."""
    form = _plain(form)
    kinds = get_args(form)
    if _is_union(form):
        for kind in kinds:
            yield from _parts(value, kind)
    elif isinstance(value, dict) and get_origin(form) is dict:
        for key, part in value.items():
            yield key, key, kinds[0]
            yield key, part, kinds[1]
    elif isinstance(value, list) and get_origin(form) in (list, set):
        for index, part in enumerate(value):
            yield index, part, kinds[0]
    elif isinstance(value, dict) and _is_struct(form):
        for field in msgspec.structs.fields(form):
            if field.encode_name in value:
                yield field.encode_name, value[field.encode_name], field.type


def _of_struct(value: Any, form: Any) -> tuple[Sequence[Step], str] | None:
    """The first field that a struct does not have, or that it needs and is not there."""
    form = _plain(form)
    if _is_union(form):
        return next(filter(None, (_of_struct(value, kind) for kind in get_args(form))), None)
    if not isinstance(value, dict) or not _is_struct(form):
        return None
    fields = {field.encode_name: field for field in msgspec.structs.fields(form)}
    for name in value if form.__struct_config__.forbid_unknown_fields else ():
        if name not in fields:
            return [name], f"Object contains unknown field `{cut(name, _SHOWN)}`"
    for name, field in fields.items():
        if field.required and name not in value:
            return [name], f"Object missing required field `{name}`"
    return None


def _reason(value: Any, form: Any, message: str, words: dict[str, str]) -> str:
    if message.startswith("Invalid enum value"):
        choices = ", ".join(sorted(_choices(form)))
        return f"Invalid enum value {cut(repr(value), _SHOWN)}: choose one of {choices}"
    if "matching regex" in message:
        return next((words[one] for one in words if repr(one) in message), message)
    return message


def _choices(form: Any) -> Iterator[str]:
    form = _plain(form)
    for one in get_args(form):
        if get_origin(form) is Literal:
            yield str(one)
        else:
            yield from _choices(one)


def _plain(form: Any) -> Any:
    """A type without its names and bounds."""
    while True:
        origin = get_origin(form)
        if isinstance(form, TypeAliasType):
            form = form.__value__
        elif isinstance(origin, TypeAliasType):
            form = origin.__value__[get_args(form)]
        elif origin is Annotated:
            form = get_args(form)[0]
        else:
            return form


def _is_union(form: Any) -> bool:
    return get_origin(form) in (Union, UnionType)


def _is_struct(form: Any) -> bool:
    return isinstance(form, type) and issubclass(form, msgspec.Struct)
