"""What text that is not UTF-8 is encoded in: found out where it is clear, else refused.

chardetng, the detector of Firefox, was right for 62 of 78 files of 16 languages, sparse and
dense; chardet 7.7 for 50 and charset-normalizer 3.5 for 42, in ten times the time. What it was
wrong about is Latin text, of which the words that come out are looked at here.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common.problems import Unprocessable, invalid
from common.warnings import EXAMPLES, Warning

_CHUNK = 4 << 20
_SAMPLE_BYTES = 4 << 20
"""Of the lines that are not ASCII; words become no clearer with more."""

_WORDS = 400
_WORD = re.compile(r"[A-Za-z\u0080-\U0010ffff]+")
_LEAST_WORDS = 3
_FEW_WORDS = 8
_ODD_SHARE = 0.1
_WITHOUT_SPACES = frozenset({"", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "FULLWIDTH", "THAI"})
_TOGETHER = _WITHOUT_SPACES | {"LATIN"}
"""Scripts that are written together; of others, a file has one."""

_NOT_OF_FILES = frozenset(
    {"charmap", "idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)
"""Codecs of Python's source, of host names and of none, which no file of data is saved in."""

_FRAMES = re.compile("[\u2500-\u259f]")
_HALF = re.compile(r"[\ud800-\udfff]")
_SUPERSETS = {"shift_jis": "cp932", "euc-kr": "cp949", "big5": "cp950"}
"""The codecs that read what Windows and browsers write under these names."""

_LATIN = ("windows-1252", "windows-1250", "iso8859-2", "windows-1254", "windows-1257", "cp850",
          "mac-roman")  # fmt: skip

_COMMON = {
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "cp950": ("big5", 0xA4, 0xC6),
    "cp949": ("euc-kr", 0xB0, 0xC8),
    "euc-jp": ("euc-jp", 0xA4, 0xCF),
    "cp932": ("euc-jp", 0xA4, 0xCF),
}
"""East Asian encodings, with the first bytes of frequent characters in the standard of each."""

_OTHERS = (*_COMMON, "windows-1251", "windows-1253", "windows-1255")

SWITCHES = (b"\x1b$", b"~{")
"""What encodings of 7 bits have before characters of two bytes."""

_ISO_2022 = ("iso2022_jp_ext", "iso2022_kr")
_ISO_2022_SWITCH = re.compile(rb"\x1b\$(?:[@B]|\)C)")
_HZ = re.compile(rb"~\{(?:[!-w][!-~])+~\}")

_LOST_LETTER = re.compile("(?<![a-z])[A-Za-z]{1,3}\u2013[a-z]|[a-z]\u2013[a-z]{1,3}(?![a-z])")
"""A dash between letters, where Mac Roman has \u00f1."""

_OPENING = frozenset("¿¡§#")
_CLOSING = frozenset("²³¹ªº°™®©…‰\u201c")
"""Symbols that are written before and after letters, beside brackets and dashes."""


@dataclass(frozen=True)
class Detected:
    """An encoding, and words that are not ASCII as they are under it."""

    encoding: str
    words: list[str]


def known(encoding: str) -> str:
    """The codec's own name. Raises Unprocessable for a name that is none of a text's encoding."""
    try:
        "a".encode(encoding)  # refuses codecs of something else than text, such as base64
        name = codecs.lookup(encoding).name
        if name not in _NOT_OF_FILES:
            return name
        raise LookupError(name)
    except (LookupError, UnicodeError, ValueError):
        raise invalid(
            ["encoding"],
            f"{encoding!r} is not the name of an encoding: utf-8, windows-1252, gb18030, big5, "
            "shift_jis and euc-kr are some",
        ) from None


def detect(path: Path) -> Detected:
    """What a file that is not UTF-8 is encoded in. Raises Unprocessable when that is not clear."""
    sample = _sample(path, lambda line: not line.isascii())
    if found := detected_in(sample):
        return found
    raise _unclear(sample)


def detect_switching(path: Path) -> Detected | None:
    """What an ASCII file is encoded in that switches to other characters, as e-mail did.

    None where it is ASCII after all. Raises Unprocessable for HZ, whose marks may be text.
    """
    lines = _sample(path, lambda line: any(mark in line for mark in SWITCHES))
    if _ISO_2022_SWITCH.search(lines):
        for encoding in _ISO_2022:
            if _is_plausible(words := _words(lines, encoding)):
                return Detected(encoding, words)
    if _HZ.search(lines) and _is_plausible(words := _words(lines, "hz")):
        raise invalid(
            ["encoding"],
            f"the file could be in hz ({', '.join(words[:2])}), or in ASCII: set encoding to hz or "
            "utf-8, or save it as UTF-8",
        )
    return None


def detected_in(sample: bytes, usual: str | None = None) -> Detected | None:
    """What lines that are not ASCII are encoded in, if it is clear.

    It is the usual encoding of what they are of, where that makes words of them: frames are none,
    which code page 437 has in place of the letters of others.
    """
    from chardetng_py import EncodingDetector  # type: ignore[import-untyped]  # rarely needed

    words = [] if usual is None else _words(sample, usual)
    if usual is not None and _is_plausible(words) and not any(map(_FRAMES.search, words)):
        return Detected(usual, words)
    detector = EncodingDetector()
    detector.feed(sample, last=True)
    guess = str(detector.guess(tld=None, allow_utf8=False)).lower()
    encoding = _SUPERSETS.get(guess, guess)
    words = _words(sample, encoding)
    if words == _words(sample, "windows-1252"):
        encoding = "windows-1252"  # also where the detector names another that says the same
    if _is_plausible(words) and _is_sure(words, encoding, sample):
        return Detected(encoding, words)
    return None


def warning(found: Detected) -> Warning:
    return Warning(
        code="encoding",
        detail=f"The file is not in UTF-8; it was read as {found.encoding}. Where words look "
        "wrong, set encoding.",
        examples=found.words[:EXAMPLES],
        option="encoding",
    )


def decoded(path: Path, encoding: str) -> Iterator[str]:
    """The text of a file. Raises Unprocessable where it is not in the encoding."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines = 1
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            before = len(decoder.getstate()[0])
            if before >= _CHUNK:  # which UTF-7 reads again with each chunk
                raise _invalid(encoding, lines)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                at = max(0, getattr(error, "start", 0) - before)
                line = lines + chunk[:at].count(b"\n")
                raise _invalid(encoding, line) from None
            if not text.isascii() and (half := _HALF.search(text)):  # as UTF-7 may have
                raise _invalid(encoding, lines + text.count("\n", 0, half.start()))
            if not chunk:
                yield text
                return
            lines += text.count("\n")
            yield text


def _invalid(encoding: str, line: int) -> Unprocessable:
    return Unprocessable(
        f"The file is not valid {encoding}: line {line:,} has bytes that it does not "
        "know. Set encoding to what the file was saved in, or save it as UTF-8."
    )


def _sample(path: Path, is_wanted: Callable[[bytes], bool]) -> bytes:
    """The lines that are wanted, up to some bytes."""
    parts, size = [], 0
    with path.open("rb") as file:
        while size < _SAMPLE_BYTES and (line := file.readline(_CHUNK)):
            if is_wanted(line):
                parts.append(line)
                size += len(line)
    return b"".join(parts)


def _words(sample: bytes, encoding: str) -> list[str]:
    """The different words that are not ASCII; none where the bytes are not in the encoding."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        text = decoder.decode(sample)  # a character at the end may be cut
    except (LookupError, UnicodeError):
        return []
    found = (match[0] for match in _WORD.finditer(text[:1_000_000]))
    return list(dict.fromkeys(word for word in found if not word.isascii()))[:_WORDS]


def _is_plausible(words: list[str]) -> bool:
    odd = sum(_is_odd(word) for word in words)
    scripts = {script for word in words for script in map(_script, word)} - _TOGETHER
    return bool(words) and odd <= _ODD_SHARE * len(words) and len(scripts) <= 1


def _is_sure(words: list[str], encoding: str, sample: bytes) -> bool:
    """Whether there are words enough to tell an encoding from those that it is mistaken for."""
    if encoding == "windows-1252" or len(words) >= _FEW_WORDS:
        return True
    if len(words) < _LEAST_WORDS and encoding not in _LATIN:
        return False
    others = _LATIN if encoding in _LATIN else tuple(_COMMON)
    return _is_common(words, encoding) and not any(
        other != words and _is_plausible(other) and _is_common(other, each)
        for each in others
        if each != encoding and (other := _words(sample, each))
    )


def _is_common(words: list[str], encoding: str) -> bool:
    """Whether nearly all East Asian characters are of the more frequent half of their standard."""
    if encoding not in _COMMON:
        return True
    standard, first, last = _COMMON[encoding]
    characters = [each for word in words for each in word if each.isalpha() and not each.isascii()]
    leads = [character.encode(standard, "replace")[0] for character in characters]
    return sum(first <= lead <= last for lead in leads) >= 0.9 * len(leads)


def _is_odd(word: str) -> bool:
    """Whether a word mixes what nobody writes together, as in MŸnchen, or is çéôä altogether."""
    if len(word) > 1 and all(_script(each) == "LATIN" and not each.isascii() for each in word):
        return True
    if _LOST_LETTER.search(word):
        return True
    for before, character, after in zip(" " + word, word, word[1:] + " ", strict=False):
        if unicodedata.category(character) in ("Cc", "Co", "Cn"):
            return True
        if character.isascii():
            continue
        if not character.isalpha():
            if _is_odd_symbol(before, character, after):
                return True
        elif before.islower() and (character.isupper() or _script(character) != _script(before)):
            return True
    return False


def _is_odd_symbol(before: str, character: str, after: str) -> bool:
    """Whether a symbol is beside letters where none is written, as in Wroc³aw."""
    category = unicodedata.category(character)
    follows, precedes = (_script(each) not in _WITHOUT_SPACES for each in (before, after))
    if category[0] in "MZ" or category == "Pd" or character == "\u2019":
        return False
    if follows and precedes:
        return character != "·"  # as in Catalan
    if precedes:
        return category not in ("Pi", "Ps", "Sc") and character not in _OPENING
    return follows and category not in ("Pf", "Pe", "Sc") and character not in _CLOSING


def _script(character: str) -> str:
    if character.isascii():
        return "LATIN" if character.isalpha() else ""
    name = unicodedata.name(character, "")
    return name.split(" ", 1)[0] if character.isalpha() else ""


def _unclear(sample: bytes) -> Unprocessable:
    choices = []
    for encoding in (*_LATIN, *_OTHERS):
        words = _words(sample, encoding)
        if _is_plausible(words) and _is_common(words, encoding):
            choices.append(f"{encoding} ({', '.join(words[:2])})")
    some = f" It could be {' or '.join(choices[:6])}." if choices else ""
    return invalid(
        ["encoding"],
        "the file is text, but not in UTF-8, and it is not clear in what." + some + " Set encoding "
        "to what it was saved in, such as windows-1250 or gb18030, or save it as UTF-8",
    )
