"""Describes what is wrong with a body that is not JSON, and what to send instead."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from common.problems import MAX_ERRORS, BadRequest, FieldError, pointer

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LOST_MARK = "\ufffd\ufffd".encode()
"""Such a mark after a gateway has decoded the body as UTF-8."""

_NOT_A_NUMBER = re.compile(r"[+-]?(?:nan|nat|inf(?:inity)?|undefined|n/?a|#n/a)\b", re.IGNORECASE)
_PYTHON = re.compile(r"(None|True|False)\b|'")
_KEY = re.compile(r"""["']([^"'\\]{1,60})["']\s*:\s*\[?[^\[\]{}"':]*\Z""")
_LOOK_BACK = 300
_SHOWN = 20


class _Constant(str):
    """NaN or an infinity, as it is written in the body."""

    __slots__ = ()


def described(body: bytes) -> BadRequest:
    """The problem of a body that is not JSON, with an error for each field that causes it."""
    if body.startswith(_UTF16_MARKS) or b"\0" in body.removeprefix(_LOST_MARK)[:2]:
        return BadRequest("The body seems to be UTF-16: send JSON in UTF-8.")
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        position = f"byte 0x{body[fault.start]:02x} at position {fault.start:,}"
        return BadRequest(f"The body is not UTF-8 ({position}): send JSON in UTF-8.")
    try:
        value = json.loads(text, parse_constant=_Constant)
    except json.JSONDecodeError as fault:
        return BadRequest(f"The body is not JSON: {_hint(text, fault) or _end(text, fault)}.")
    except RecursionError:
        return BadRequest("The body is not JSON that can be read: it is nested too deep.")
    except ValueError:
        return BadRequest("The body is not JSON that can be read: a number has too many digits.")
    faults = _faults(value)
    errors = [FieldError(pointer(*path[1:]), why) for path, why in islice(faults, MAX_ERRORS)]
    if not errors:
        return BadRequest("The body is not JSON that can be read.")
    first, others = errors[0], sum(1 for _ in faults)
    detail = f"The body is not JSON: {first.pointer or 'it'} {first.detail}"
    return BadRequest(detail, errors, others)


def check_keys(body: bytes) -> None:
    """Raises BadRequest where an object of a JSON body has a key twice."""

    def pairs(found: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in found]
        if len(set(keys)) < len(keys):
            twice = next(key for at, key in enumerate(keys) if key in keys[:at])
            raise BadRequest(
                f"The body has the key {twice!r:.200} twice in one object: it is not clear "
                "which value is meant. Send it once."
            )

    with contextlib.suppress(RecursionError):  # such deep values are refused elsewhere
        json.loads(body, object_pairs_hook=pairs, parse_int=str)


def fault(content: bytes) -> str:
    """What is wrong with a file that is not JSON, as the rest of a sentence after its name."""
    return described(content).detail.removeprefix("The body ").removesuffix(".")


def _faults(value: Any) -> Iterator[tuple[Sequence[str | int], str]]:
    """The values that Python reads but JSON does not have, in the order of the body.

    Each comes with its path, which begins with an empty step. The path is one list that changes:
    copies for a body that is both wide and deep would fill the memory.
    """
    path: list[str | int] = [""]
    levels = [iter([("", value)])]
    while levels:
        for step, one in levels[-1]:
            path[-1] = step
            if reason := _fault(one):
                yield path, reason
            elif isinstance(one, dict | list):
                path.append("")
                levels.append(_members(one))
                break
        else:
            levels.pop()
            path.pop()


def _members(value: dict[str, Any] | list[Any]) -> Iterator[tuple[Any, Any]]:
    return iter(value.items() if isinstance(value, dict) else enumerate(value))


_HALF = "half a surrogate pair, which is no character: leave it out."


def _fault(value: Any) -> str | None:
    if isinstance(value, dict) and any(map(_is_broken, value)):
        return f"has a key with {_HALF}"
    if isinstance(value, _Constant):
        return f"is {value}, which JSON does not have: send null."
    if isinstance(value, float) and abs(value) == float("inf"):
        return "is a number out of range: send null, or a number below 1.8e308."
    if isinstance(value, str) and _is_broken(value):
        return f"has {_HALF}"
    return None


def _is_broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text)


def _end(text: str, fault: json.JSONDecodeError) -> str:
    """The position where reading failed, and the text that follows."""
    at = f"line {fault.lineno}, column {fault.colno}"
    there = text[fault.pos : fault.pos + _SHOWN].splitlines()[:1]
    return f"at {at} it cannot be read on, before {there[0]!r}" if there else f"it ends at {at}"


def _hint(text: str, fault: json.JSONDecodeError) -> str | None:
    """The usual mistake at the position where reading failed, if it is one."""
    at = f"line {fault.lineno}, column {fault.colno}"
    if key := _KEY.search(text[max(0, fault.pos - _LOOK_BACK) : fault.pos]):
        at = f"{at}, in the field {key[1]!r}"
    if wrong := _NOT_A_NUMBER.match(text, fault.pos):
        return f"{wrong[0]} at {at}; send null"
    if wrong := _PYTHON.match(text, fault.pos):
        written = "a single quote" if wrong[0] == "'" else wrong[0]
        return f"{written} at {at} is how Python prints values; json.dumps writes JSON"
    if fault.msg == "Extra data":
        return f"one value ends before {at}, where another begins; send one object"
    return None
