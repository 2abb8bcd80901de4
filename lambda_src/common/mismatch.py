"""Finds all parts of a value that do not fit its type, and the reasons.

msgspec stops at the first one. The path in its message cannot be parsed reliably, because the
message also has texts of the caller, and it does not name keys of tables. So each part is checked
separately.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import repeat
from types import UnionType
from typing import Annotated, Any, Literal, Protocol, TypeAliasType, Union, get_args, get_origin

import msgspec

from common.problems import InvalidField, cut

_SHOWN = 80

type Step = str | int
type Mismatch = tuple[Sequence[Step], Callable[[], str]]
"""The path of a part that does not fit, and a function that returns the reason.

Of many mismatches, only the first ones need their reason."""

type Words = Mapping[str, str]


def mismatches(value: Any, form: Any, words: Words) -> Iterator[Mismatch]:
    """Yields each part of a value that does not fit.

    A list or a table of a wrong length is one part, whatever is in it. words maps a pattern to the
    reason for a text that does not match it.
    """
    return _mismatches(value, _form(form), words)


def _mismatches(value: Any, form: "_Form", words: Words) -> Iterator[Mismatch]:
    if (error := form.error(value)) is None:
        return
    fits = True
    if (container := next((one for one in form.containers if one.takes(value)), None)) is not None:
        for mismatch in container.mismatches(value, words):
            fits = False
            yield mismatch
    if fits:
        yield _of_itself(value, form, error, words)


def _within(step: Step, part: Any, form: "_Form", words: Words) -> Iterator[Mismatch]:
    for path, reason in _mismatches(part, form, words):
        yield (step, *path), reason


def _of_itself(value: Any, form: "_Form", error: msgspec.ValidationError, words: Words) -> Mismatch:
    """The mismatch of a value whose parts all fit."""
    if isinstance(error.__cause__, InvalidField):
        return (error.__cause__.field,), partial(str, error.__cause__)
    return (), partial(_reason, value, form, words)


def _reason(value: Any, form: "_Form", words: Words) -> str:
    if isinstance(value, str):
        if form.choices:
            choices = ", ".join(sorted(form.choices))
            return f"Invalid enum value {cut(repr(value), _SHOWN)}: choose one of {choices}"
        for pattern in form.patterns:
            if pattern in words and not re.search(pattern, value):
                return words[pattern]
    try:
        msgspec.convert(value, form.type)
    except msgspec.ValidationError as error:
        return str(error)
    raise AssertionError("the value fits")


class _Form:
    """A type and its parts, prepared once, because a value may have many parts of the type."""

    def __init__(self, form: Any) -> None:
        self.type = form
        # msgspec analyses a struct once, but other types each time.
        self._holder = msgspec.defstruct("Holder", [("value", form)])
        members = _members(form)
        self.choices = {
            one
            for member in members
            if get_origin(plain := _plain(member)) is Literal
            for one in get_args(plain)
            if isinstance(one, str)
        }
        bounds = [bound for member in members for bound in _bounds(member)]
        self.patterns = [bound.pattern for bound in bounds if bound.pattern is not None]
        self.containers = list(filter(None, map(_container, members)))

    def error(self, value: Any) -> msgspec.ValidationError | None:
        try:
            msgspec.convert({"value": value}, self._holder)
        except msgspec.ValidationError as error:
            return error
        return None


_form = cache(_Form)


class _Container(Protocol):
    """A type of lists or tables. Of a union, at most one member takes a value."""

    def takes(self, value: Any) -> bool: ...

    def mismatches(self, value: Any, words: Words) -> Iterator[Mismatch]: ...


class _List:
    def __init__(self, lengths: Sequence[msgspec.Meta], items: Iterable[_Form]) -> None:
        self._outline, self._items = _outline(list, lengths), items

    def takes(self, value: Any) -> bool:
        return isinstance(value, list)

    def mismatches(self, value: list[Any], words: Words) -> Iterator[Mismatch]:
        if self._outline.error(value) is not None:
            yield (), partial(_reason, value, self._outline, words)
            return
        for index, (part, form) in enumerate(zip(value, self._items, strict=False)):
            yield from _within(index, part, form, words)


class _Table:
    def __init__(self, lengths: Sequence[msgspec.Meta], keys: _Form, values: _Form) -> None:
        self._outline, self._keys, self._values = _outline(dict, lengths), keys, values

    def takes(self, value: Any) -> bool:
        return isinstance(value, dict)

    def mismatches(self, value: dict[str, Any], words: Words) -> Iterator[Mismatch]:
        if self._outline.error(value) is not None:
            yield (), partial(_reason, value, self._outline, words)
            return
        for key, part in value.items():
            if self._keys.error(key) is None:
                yield from _within(key, part, self._values, words)
            else:
                yield from _within(key, key, self._keys, words)


class _Struct:
    def __init__(self, struct: type[msgspec.Struct]) -> None:
        fields = msgspec.structs.fields(struct)
        self._forms = {field.encode_name: _form(field.type) for field in fields}
        self._required = [field.encode_name for field in fields if field.required]
        self._config = struct.__struct_config__

    def takes(self, value: Any) -> bool:
        tag = self._config.tag_field
        return isinstance(value, dict) and (tag is None or value.get(tag) == self._config.tag)

    def mismatches(self, value: dict[str, Any], words: Words) -> Iterator[Mismatch]:
        for name, form in self._forms.items():
            if name in value:
                yield from _within(name, value[name], form, words)
        for name in value if self._config.forbid_unknown_fields else ():
            if name not in self._forms and name != self._config.tag_field:
                shown = cut(name, _SHOWN)
                yield (name,), partial("Object contains unknown field `{}`".format, shown)
        for name in self._required:
            if name not in value:
                yield (name,), partial("Object missing required field `{}`".format, name)


def _container(form: Any) -> _Container | None:
    """The container for a type of lists or tables; None for another type."""
    plain, lengths = _plain(form), _bounds(form)
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        return _Struct(plain)
    kinds = [] if get_origin(plain) is Literal else list(map(_form, get_args(plain)))
    match get_origin(plain), kinds:
        case builtin, [keys, values] if builtin is dict:
            return _Table(lengths, keys, values)
        case builtin, [items] if builtin in (list, set):
            return _List(lengths, repeat(items))
        case builtin, _ if builtin is tuple:
            return _List(lengths, kinds)
    return None


def _outline(kind: type, lengths: Sequence[msgspec.Meta]) -> _Form:
    """The type of lists or tables of such lengths, with anything in them."""
    return _form(Annotated[kind, *lengths] if lengths else kind)


def _members(form: Any) -> list[Any]:
    """The members of a union, with their names and bounds; of another type, the type itself."""
    plain = _plain(form)
    if get_origin(plain) not in (Union, UnionType):
        return [form]
    return [one for member in get_args(plain) for one in _members(member)]


def _bounds(form: Any) -> list[msgspec.Meta]:
    """The bounds of a type, such as lengths and patterns."""
    return [
        bound
        for layer in _layers(form)
        if get_origin(layer) is Annotated
        for bound in layer.__metadata__
        if isinstance(bound, msgspec.Meta)
    ]


def _plain(form: Any) -> Any:
    """A type without its names and bounds."""
    return list(_layers(form))[-1]


def _layers(form: Any) -> Iterator[Any]:
    """A type, then the type without its outermost name or bound, and so on."""
    while True:
        yield form
        origin = get_origin(form)
        if isinstance(form, TypeAliasType):
            form = form.__value__
        elif isinstance(origin, TypeAliasType):
            form = origin.__value__[get_args(form)]
        elif origin is Annotated:
            form = get_args(form)[0]
        else:
            return
