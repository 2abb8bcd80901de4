"""Numbers as people write them: separators, currencies, percents, units, brackets, durations."""

import re
from functools import cache
from typing import Literal

import msgspec

Decimal = Literal[".", ","]
Group = Literal["", ".", ",", " ", "'"]

PLAIN = r"\+?-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
"""A number as programs write it, which every column of numbers takes that has no other form."""

Duration = Literal["", "two parts", "h:mm:ss", "m:ss, h:mm:ss", "h:mm, h:mm:ss"]
"""Which durations a column has. Of those with two parts alone nobody can tell whether they are
hours and minutes, or minutes and seconds: they are units of the second."""

_SIXTY = "[0-5][0-9](?:[.][0-9]+)?"
DURATIONS: dict[Duration, str] = {
    "two parts": rf"(-?)()([0-9]+):({_SIXTY})",
    "h:mm:ss": rf"(-?)([0-9]+):([0-9]+):({_SIXTY})",
    "m:ss, h:mm:ss": rf"(-?)(?:([0-9]+):)?([0-9]+):({_SIXTY})",
    "h:mm, h:mm:ss": rf"(-?)([0-9]+):([0-5][0-9])(?::({_SIXTY}))?",
}
"""Groups: sign, hours, minutes, seconds."""

SPACES = " \u00a0\u2009\u202f"
"""Blanks within a number."""

SPACE = f"[{SPACES}]"
_MINUS = "[-+\u2212]"
_DASHES = "\u2212\u2013\u2014-"
_NO_DECIMALS = f"[{_DASHES}]{{1,2}}"
"""What stands behind the decimal mark of whole prices: 49.-, 12,--"""

NEGATIVE = f"^[^0-9]*[-\u2212]|(?:[^.,{_DASHES}]|[^0-9][.,])[-\u2212]$"
"""What a number below zero has before its digits or behind all."""

DASHED = re.compile(f"(?<=[0-9][.,]){_NO_DECIMALS}")
"""Dashes in place of decimals, which are no minus."""

_GROUPS: dict[Group, str] = {"": "", ".": "[.]", ",": ",", " ": SPACE, "'": "['\u2019]"}


LONGEST = 500
"""Characters of a number in some form. The largest double has 309 digits, and 412 characters with
marks between its thousands. Trying all forms of a number took 10 s for 1 MB of digits."""


class NumberForm(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the numbers of a column are written.

    decimal is the mark before decimals, group the one between groups of three digits, if any;
    unit stands before or behind the number, where it may also be missing. Brackets are a minus.
    A duration is 13:45 or 1:13:45, in units of its last part, or in seconds where the column has
    both.
    """

    decimal: Decimal = "."
    group: Group = ""
    unit: str = ""
    duration: Duration = ""

    @property
    def separators(self) -> str:
        """The pattern of what has to be removed from the digits."""
        dashes = f"[.,]{_NO_DECIMALS}$"
        return f"{_GROUPS[self.group]}|{dashes}" if self.group else dashes

    @property
    def pattern(self) -> str:
        """The pattern of a whole number without brackets; one of two groups has its digits."""
        unit = "".join(char if char.isalnum() else f"[{char}]" for char in self.unit)
        before, behind = (f"(?:{unit}{SPACE}*)?", f"(?:{SPACE}*{unit})?") if unit else ("", "")
        sign = f"(?:{_MINUS}{SPACE}*)?"
        lead = f"(?:{sign}{before}|{unit}{SPACE}*{sign})" if unit else sign
        mark = "[.]" if self.decimal == "." else ","
        any_digits = f"{self._digits(f'{mark}[0-9]*')}|{self._whole}{mark}{_NO_DECIMALS}"
        digits = self._digits(f"{mark}[0-9]+")
        return f"(?:{lead}({any_digits}){behind}|{before}({digits}){behind}{SPACE}*[-\u2212])"

    def _digits(self, decimals: str) -> str:
        exponent = "" if self.unit or self.group else "(?:[eE][+-]?[0-9]+)?"
        mark = "[.]" if self.decimal == "." else ","
        return f"(?:{self._whole}(?:{decimals})?|{mark}[0-9]+){exponent}"

    @property
    def _whole(self) -> str:
        if not self.group:
            return "[0-9]+"
        group = _GROUPS[self.group]
        return f"(?:[1-9][0-9]{{0,2}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]+)"

    def read(self, text: str) -> float | None:
        """The number that a clean text is; None where it is none in this form.

        >>> NumberForm(decimal=",", group=".", unit="EUR").read("(1.200,50 EUR)")
        -1200.5
        >>> NumberForm(duration="h:mm:ss").read("1:02:03")
        3723.0
        """
        if len(text) > LONGEST:
            return None
        if self.duration:
            return _duration(text, self.duration)
        if text.startswith("(") and text.endswith(")"):
            text = "-" + text[1:-1].strip(" ")
        match = _pattern(self).fullmatch(text)
        if match is None:
            return None
        digits = _compiled(self.separators).sub("", match[1] or match[2])
        number = float(digits.replace(",", "."))
        return finite(-number if _compiled(NEGATIVE).search(text) else number)


def read_plain(text: str) -> float | None:
    """The number that a clean text is as programs write it; None where it is none.

    >>> read_plain("1e3"), read_plain("1_000"), read_plain("1e999")
    (1000.0, None, None)
    """
    if _compiled(PLAIN).fullmatch(text) is None:
        return None
    return finite(float(text.removeprefix("+") if text.startswith("+-") else text))


def finite(number: float) -> float | None:
    """The number with zero's sign taken away; None for what no double can hold."""
    return number + 0.0 if abs(number) <= 1.7976931348623157e308 else None


def _duration(text: str, kind: Duration) -> float | None:
    match = _compiled(DURATIONS[kind]).fullmatch(text)
    if match is None:
        return None
    sign, hours, minutes, seconds = match.groups()
    number = float(hours or 0) * 3600 + float(minutes) * 60 + float(seconds or 0)
    return finite(-number if sign else number)


@cache
def _pattern(form: NumberForm) -> re.Pattern[str]:
    return re.compile(form.pattern)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
