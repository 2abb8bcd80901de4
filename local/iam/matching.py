"""IAM's wildcards and policy variables.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Mapping
from functools import lru_cache

Context = Mapping[str, tuple[str, ...]]
"""What is known of a request: the values of each condition key, keys in lower case."""

_VARIABLE = re.compile(r"\$\{\s*([^},\s]+)\s*(?:,\s*'([^']*)'\s*)?\}")
_QUOTED = str.maketrans({"*": "\ue000", "?": "\ue001"})
_PLAIN = str.maketrans({"\ue000": "*", "\ue001": "?"})


class _NoValueError(LookupError):
    """A variable has no single value in this request, and no default."""


def expand(text: str, context: Context) -> str | None:
    """A policy's text with its variables replaced; None if one has no value: it equals nothing.

    A wildcard that a variable brings along, or that is written `${*}`, stands for itself.
    """
    if "${" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        if name in ("*", "?", "$"):
            return name.translate(_QUOTED)
        values = context.get(name.lower(), ())
        if len(values) != 1 and default is None:
            raise _NoValueError(name)
        return (values[0] if len(values) == 1 else default).translate(_QUOTED)

    try:
        return _VARIABLE.sub(value, text)
    except _NoValueError:
        return None


def literal(text: str) -> str:
    """Text in which `expand` finds no variables."""
    return text.replace("${", "${$}{")


def equals(expanded: str, text: str) -> bool:
    """Whether text is an expanded one, wildcards standing for themselves."""
    return expanded.translate(_PLAIN) == text


def like(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether text matches an expanded pattern: `*` is any characters, `?` is one."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


def arn_like(pattern: str, arn: str) -> bool:
    """`like` for each of an ARN's six parts, so that no wildcard reaches over a colon."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(like, patterns, parts))


@lru_cache(maxsize=2048)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = (
        ".*" if one == "*" else "." if one == "?" else re.escape(one.translate(_PLAIN))
        for one in pattern
    )
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))
