"""Which form the numbers of a column are written in, and the SQL that reads them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import product

from tasks.framework.forms.numbers import (
    DASHED,
    DURATIONS,
    LONGEST,
    NEGATIVE,
    SPACES,
    Decimal,
    Duration,
    Group,
    NumberForm,
)
from tasks.tables.processing.database import literal

READABLE_SHARE = 0.8
"""A column is of a type when at least this share of its values can be read as such; the rest is
missing. Words that stand for no value do not count."""

SHARED_SHARE = 0.95
"""A unit belongs to a column when so many of its numbers have it."""

_DECIMALS: tuple[Decimal, ...] = (".", ",")
_GROUPS: tuple[Group, ...] = ("", ",", ".", " ", "'")

_DURATIONS: tuple[Duration, ...] = ("two parts", "h:mm:ss", "m:ss, h:mm:ss")
_CLOCK: tuple[Duration, ...] = ("two parts", "h:mm, h:mm:ss")
"""The narrower ones first."""

_FEW = 50

_PARTS = re.compile(
    rf"(?P<before>[^\d.,]*[^\d.,{SPACES}][.]?)?[{SPACES}]*"
    rf"(?P<digits>[.,]?\d(?:[\d.,'\u2019{SPACES}]*\d)?[.,]?)"
    rf"[{SPACES}]*(?P<behind>\D*)"
)
_SIGNS = re.compile("[-+\u2212()]")
_UNIT = re.compile("[^\\W\\d_][^\\W\\d_]{0,9}[.]?|[°µμΩ%‰\"'²³/^\\w]{1,10}")

_ISO_4217 = """
AED AFN ALL AMD ARS AUD AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR
FJD GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD
JOD JPY KES KGS KHR KRW KWD KYD KZT LAK LBP LKR LRD LYD MAD MDL MGA MKD MMK MNT
MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
PYG QAR RMB RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SOS SRD SYP THB TJS TMT TND
TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XOF XPF YER ZAR ZMW
"""
_CODES = frozenset(_ISO_4217.split())
"""Currencies of ISO 4217."""

_NAMES = frozenset(
    {"rs", "rs.", "kr", "kr.", "fr", "fr.", "z\u0142", "k\u010d", "ft", "lei", "dkr", "nkr"}
    | {"\u043b\u0432", "\u0440\u0443\u0431", "\u0440\u0443\u0431."}
)
"""How currencies are also abbreviated, in lower case."""


def is_currency(unit: str) -> bool:
    """Whether a unit is money: a sign, a code, or an abbreviation of one."""
    signs = any(unicodedata.category(char) == "Sc" for char in unit)
    return signs or unit.upper() in _CODES or unit.lower() in _NAMES


def candidates(sample: Sequence[str], clock: bool) -> list[NumberForm]:
    """The forms in which most of a sample of texts are numbers, the simplest first.

    clock says that 13:45 is 13:45:00, where the column has such, too.
    """
    unit = _unit(sample)
    if unit is None or not sample:
        return []
    forms = [
        NumberForm(decimal=decimal, group=group, unit=unit)
        for group, decimal in product(_GROUPS, _DECIMALS)
        if group != decimal
    ]
    if not unit:
        forms += [NumberForm(duration=kind) for kind in (_CLOCK if clock else _DURATIONS)]
    few = sample[:: max(1, len(sample) // _FEW)]  # most texts are no numbers in any form
    if all(_count(form, few) < len(few) / 2 for form in forms):
        return []
    counts = [_count(form, sample) for form in forms]
    most = max(counts)
    if most < READABLE_SHARE * len(sample):
        return []
    return [form for form, count in zip(forms, counts, strict=True) if count == most]


def _count(form: NumberForm, texts: Sequence[str]) -> int:
    return sum(form.read(text) is not None for text in texts)


def obstacle(sample: Sequence[str]) -> str | None:
    """What keeps texts that look like numbers from being read; None where they do not.

    >>> obstacle(["4.6k", "8.4M", "120"]), obstacle(["A1", "B2"])
    ('something stands beside the digits that is not the same in all of them', None)
    """
    if mixed_units(sample):
        return "its units differ"
    enough = READABLE_SHARE * len(sample)
    if sum(any(c.isdecimal() and not c.isascii() for c in text) for text in sample) >= enough:
        return "its digits are not 0 to 9"
    if sum(_TIME_OF_DAY.fullmatch(text) is not None for text in sample) >= enough:
        return "it holds times of day"
    found = [match for text in sample if (match := _NEARLY.fullmatch(text))]
    measured = sum(not match["number"].isdigit() for match in found)
    spaced = sum(match["gap"] != "" for match in found)
    if len(found) < enough or max(measured, spaced) < len(found) / 3:
        return None
    if any(match["before"] or match["behind"] for match in found):
        return "something stands beside the digits that is not the same in all of them"
    return "its points and commas are not used in one way"


_TIME_OF_DAY = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)? ?[AaPp]\.?[Mm]\.?")
_NEARLY = re.compile(
    r"(?P<before>[~<>=\u2248\u2264\u2265\u00b1]*) ?[-+\u2212(]?"
    r"(?P<number>\d{1,3}(?:[.,]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)\)?"
    r"(?P<gap> ?)(?P<behind>[^\W\d_]{0,9}[.+]?)"
)
"""A number with a mark before it, or a unit behind it: 4.6k, ~453, 284.00 CR."""


def mixed_units(sample: Sequence[str]) -> bool:
    """Whether texts are amounts of money of several currencies, or shares and plain numbers."""
    units = Counter(unit for text in sample if (unit := _unit_of(text)) is not None)
    money = [unit for unit in units if is_currency(unit)]
    few = SHARED_SHARE * units.total()
    known = sum(units[unit] for unit in (*money, "", "%"))
    return known >= READABLE_SHARE * len(sample) and (
        (len(money) > 1 and units[money[0]] < few) or 0 < units["%"] < few
    )


def _unit(sample: Sequence[str]) -> str | None:
    """The one unit of a sample's numbers, empty for none; None where there are several."""
    units = [unit for text in sample if (unit := _unit_of(text)) is not None]
    counts = Counter(filter(None, units)).most_common(1)
    if not counts:
        return ""
    unit, count = counts[0]
    others = len(list(filter(None, units))) - count
    optional = is_currency(unit)  # of amounts, some may well have no sign
    if others > (1 - SHARED_SHARE) * len(units):
        return None
    if not optional and count < SHARED_SHARE * len(units):
        return "" if count <= (1 - READABLE_SHARE) * len(units) else None
    return unit


def _unit_of(text: str) -> str | None:
    """What stands beside the digits of a text; None where it is no number."""
    match = _PARTS.fullmatch(_SIGNS.sub("", DASHED.sub("", text)).strip(SPACES))
    if match is None:
        return None
    before, behind = (match[name] or "" for name in ("before", "behind"))
    before, behind = before.strip(SPACES), behind.strip(SPACES)
    if before and (behind or not is_currency(before)):
        return None
    if behind and not is_currency(behind) and _UNIT.fullmatch(behind) is None:
        return None
    return before or behind


def number_sql(form: NumberForm, v: str) -> str:
    """The SQL of the number that a stripped text v is in a form; null where it is none."""
    if form.duration:
        duration = literal(f"^{DURATIONS[form.duration]}$")
        return _if_short(v, f"written_duration({v}, {duration})")
    pattern = literal(f"^{form.pattern}$")
    separators = literal(form.separators)
    sign = literal(NEGATIVE)
    return _if_short(v, f"written_number(unbracketed({v}), {pattern}, {separators}, {sign})")


def _if_short(v: str, number: str) -> str:
    return f"CASE WHEN length({v}) <= {LONGEST} THEN {number} END"


MACROS = """
CREATE MACRO IF NOT EXISTS unbracketed(v) AS
    CASE WHEN v LIKE '(%)' THEN concat('-', trim(v[2:-2], ' ')) ELSE v END;
CREATE MACRO IF NOT EXISTS digits_of(v, pattern, separators) AS replace(regexp_replace(
    concat(regexp_extract(v, pattern, 1), regexp_extract(v, pattern, 2)), separators, '', 'g'),
    ',', '.');
CREATE MACRO IF NOT EXISTS written_number(v, pattern, separators, negative) AS
    CASE WHEN isfinite(TRY_CAST(digits_of(v, pattern, separators) AS DOUBLE))
    THEN CASE WHEN regexp_matches(v, negative) THEN -1.0 ELSE 1.0 END
        * TRY_CAST(digits_of(v, pattern, separators) AS DOUBLE) + 0.0 END;
CREATE MACRO IF NOT EXISTS written_duration(v, pattern) AS
    CASE WHEN regexp_matches(v, pattern)
    THEN CASE WHEN v < '.' THEN -1.0 ELSE 1.0 END * (
        coalesce(TRY_CAST(regexp_extract(v, pattern, 2) AS DOUBLE), 0) * 3600
        + CAST(regexp_extract(v, pattern, 3) AS DOUBLE) * 60
        + coalesce(TRY_CAST(regexp_extract(v, pattern, 4) AS DOUBLE), 0)) + 0.0 END;
"""
