"""Which form the dates of a column are written in, and the SQL that reads them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tasks.framework.forms.dates import EPOCHS, ISO, DateForm, pattern, read_iso
from tasks.tables.processing.columns.number_forms import READABLE_SHARE
from tasks.tables.processing.database import literal

Order = str
"""The order of a date's parts: D, M and Y, or two-digit y, as in DMY."""

_NUMERIC = re.compile(r"(\d{1,4})([-/. ]|\. |)(\d{1,2})\2(\d{1,4})(?=\D|$)(.*)")
_DAY_NAMED = re.compile(r"(\d{1,2})([- ./]{0,2})([A-Za-z]{3,9})([- .,/]{0,2})(\d{2,4})(.*)")
_MONTH_NAMED = re.compile(r"([A-Za-z]{3,9})([- .]{1,2})(\d{1,2})([- .,]{1,2})(\d{4})(.*)")
_COMPACT = re.compile(r"(\d{8})(T? ?\d{4}(?:\d{2})?)?(Z?)")
_EAST_ASIAN = re.compile(r"\d{4}年\d{1,2}月\d{1,2}日(.*)")
_SHORT_MONTH = re.compile(r"\d{4}([-/.])\d{2}")
_MONTH = re.compile(r"\d{1,2}([-/])\d{4}")
_NAMED_MONTH = re.compile(r"([A-Za-z]{3,9})(?:([-/ ]|, )\d{4}|(-)\d{2})")
_WEEKDAY = re.compile(r"[A-Za-z]{3,9}(,? )")
_WEEKDAY_PART = re.compile("^%a,? ")
_NAMED = re.compile(
    r"(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)"
)
_TIME = re.compile(
    r"(T| {1,2}|, )\d{1,2}:\d{2}(:\d{2}(?:([.,])\d{1,6})?)?( ?)([AaPp][Mm])?( ?)"
    r"(Z|GMT|UTC|[+-]\d{2}:?\d{2})?"
)
_ORDERS = {"DMY": ("%d", "%m", "%Y"), "MDY": ("%m", "%d", "%Y"), "YMD": ("%Y", "%m", "%d")}
_MOST_FORMATS = 4


def candidates(sample: Sequence[str]) -> list[DateForm]:
    """The forms in which most of a sample of texts are dates, by the order of their parts."""
    orders: dict[Order, Counter[str]] = {}
    for text in sample:
        for order, form in _formats(text):
            if DateForm((form,)).read(text) is not None:
                orders.setdefault(order, Counter())[form] += 1
    forms = [
        DateForm(tuple(form for form, _ in counts.most_common(_MOST_FORMATS)))
        for counts in orders.values()
    ]
    counts = [sum(form.read(text) is not None for text in sample) for form in forms]
    enough = READABLE_SHARE * len(sample)
    return [form for form, count in zip(forms, counts, strict=True) if count >= enough]


def is_date(text: str) -> bool:
    """Whether a text is a date in some form."""
    forms = (DateForm((form,)) for _, form in _formats(text))
    return read_iso(text) is not None or any(form.read(text) is not None for form in forms)


def is_like_a_date(text: str) -> bool:
    """Whether a text is a date, or has the numbers and words of one in a form that is not read.

    >>> is_like_a_date("3 May 2024 10:00 EST"), is_like_a_date("may be 3")
    (True, False)
    """
    if is_date(text):
        return True
    digits = re.findall(r"\d+", text)
    year = any(len(each) == 4 and "1800" <= each < "2200" for each in digits)
    return year and (len(digits) > 3 or _NAMED.search(text) is not None) and len(text) < 48


def first_part(form: DateForm) -> str:
    """The first part of a date in a form, such as %d; a day of the week is none."""
    return _WEEKDAY_PART.sub("", form.formats[0])[:2]


def choose(forms: Sequence[DateForm], day_first: bool | None, sample: Sequence[str]) -> DateForm:
    """One of several forms that fit as many values, by what is usual and what varies.

    Of dates that may begin with a year of two digits or with a day, the part that varies less is
    the year.
    """
    if day_first is None:
        years = [form for form in forms if first_part(form) == "%y"]
        parts = [re.findall(r"\d+", text) for text in sample]
        firsts, thirds = ({part[at] for part in parts if len(part) > 2} for at in (0, 2))
        if years and len(firsts) < len(thirds):
            return years[0]
        day_first = not any("/" in form.formats[0] for form in forms)
    return next((form for form in forms if is_day_first(form) == day_first), forms[0])


def is_day_first(form: DateForm) -> bool | None:
    """Whether a form has the day before a month in digits; None where neither comes first."""
    text = form.formats[0]
    if "%d" not in text or "%m" not in text or first_part(form) in ("%Y", "%y"):
        return None
    return first_part(form) == "%d"


def _formats(text: str) -> Iterator[tuple[Order, str]]:
    """The formats that a text may be in, each with the order of its parts."""
    if (match := _WEEKDAY.match(text)) and match.end() < len(text):
        for order, form in _dates(text[match.end() :]):
            yield order, f"%a{match[1]}{form}"
    yield from _dates(text)


def _dates(text: str) -> Iterator[tuple[Order, str]]:
    """The formats of a text that begins with no day of the week."""
    if match := _NUMERIC.fullmatch(text):
        first, mark, _, last, rest = match.groups()
        if mark and (time := _time_format(rest)) is not None:
            yield from _numeric(first, last, mark, time)
    if match := _DAY_NAMED.fullmatch(text):
        _, one, _, two, year, rest = match.groups()
        if (time := _time_format(rest)) is not None and len(year) in (2, 4):
            yield "DbY", f"%d{one}%b{two}{'%Y' if len(year) == 4 else '%y'}{time}"
    if match := _MONTH_NAMED.fullmatch(text):
        _, one, _, two, _, rest = match.groups()
        if (time := _time_format(rest)) is not None:
            yield "bDY", f"%b{one}%d{two}%Y{time}"
    if match := _COMPACT.fullmatch(text):
        yield "compact", _compact(match[2] or "") + match[3]
    if (match := _EAST_ASIAN.fullmatch(text)) and (time := _time_format(match[1])) is not None:
        yield "YMD", f"%Y年%m月%d日{time}"
    if match := _SHORT_MONTH.fullmatch(text):
        yield "YM", f"%Y{match[1]}%m"
    if match := _MONTH.fullmatch(text):
        yield "MY", f"%m{match[1]}%Y"
    if match := _NAMED_MONTH.fullmatch(text):
        yield "bY", f"%b{match[2]}%Y" if match[2] else "%b-%y"


def _numeric(first: str, last: str, mark: str, time: str) -> Iterator[tuple[Order, str]]:
    for order, parts in _ORDERS.items():
        year = first if order == "YMD" else last
        if len(year) == 4:
            yield order, mark.join(parts) + time
        elif len(year) == 2 and max(len(first), len(last)) == 2:
            yield order.replace("Y", "y"), mark.join(parts).replace("%Y", "%y") + time


def _time_format(text: str) -> str | None:
    """The format of what follows a date; None where it is no time."""
    if not text:
        return ""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    gap, seconds, decimals, before_half, half, before_zone, zone = match.groups()
    if zone == "Z":
        return None
    form = f"{gap}{'%I' if half else '%H'}:%M"
    form += ":%S" if seconds else ""
    form += f"{decimals}%f" if decimals else ""
    form += f"{before_half}%p" if half else ""
    if not zone:
        return form
    named = zone if zone in ("GMT", "UTC") else "%z"
    return form + (before_zone if half else before_half) + named


def _compact(time: str) -> str:
    digits = time.lstrip("T ")
    gap = time[: len(time) - len(digits)]
    return "%Y%m%d" + gap + {0: "", 4: "%H%M", 6: "%H%M%S"}[len(digits)]


def date_sql(form: DateForm, v: str) -> str:
    """The SQL of the moment that a stripped text v is in a form, or by ISO 8601, if any."""
    reads = ", ".join(_format_sql(each, v) for each in form.formats)
    return f"coalesce({reads}, as_datetime({v}))"


def _format_sql(form: str, v: str) -> str:
    if form in EPOCHS:
        return f"epoch_moment({v}, {EPOCHS[form]})"
    whole, text = form, v
    if form.startswith("%a"):
        form = _WEEKDAY_PART.sub("", form)
        text = f"regexp_replace({v}, '^[A-Za-z]+,? ', '')"
    read = f"try_strptime({text}, {literal(form)})"
    if "%b" in form:  # DuckDB reads short and whole names by formats of their own
        read = f"coalesce({read}, try_strptime({text}, {literal(form.replace('%b', '%B'))}))"
    if "%z" in form:
        read = f"make_timestamp(epoch_us({read}))"
    return f"CASE WHEN regexp_full_match({v}, {literal(pattern(whole))}) THEN in_years({read}) END"


MACROS = f"""
CREATE MACRO in_years(t) AS
    CASE WHEN t >= TIMESTAMP '0001-01-01' AND t < TIMESTAMP '10000-01-01' THEN t END;
CREATE MACRO moment_since_1970(n, unit) AS
    CASE WHEN abs(n) * unit < 1e18 THEN
        in_years(make_timestamp(CAST(floor(n * unit) AS BIGINT))) END;
CREATE MACRO epoch_moment(v, unit) AS
    CASE WHEN regexp_full_match(v, '-?[0-9]{{1,19}}([.][0-9]*)?')
    THEN moment_since_1970(CAST(v AS DOUBLE), unit) END;
CREATE MACRO iso_moment(v) AS
    CASE WHEN regexp_full_match(v, {literal(ISO)}) THEN in_years(make_timestamp(epoch_us(
        TRY_CAST(regexp_replace(regexp_replace(upper(v), ' ?UTC$', 'Z'), ' ([-+Z])', '\\1')
        AS TIMESTAMPTZ)))) END;
"""
"""DuckDB reads no blank before an offset, so that iso_moment takes it away."""
