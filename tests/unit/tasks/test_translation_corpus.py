"""Corpora of every format become the same pairs; what is hostile or useless is refused."""

import csv
import gzip
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import nanoarrow
import nanoarrow.ipc
import pytest

from common.datasets import SPLITS, Split
from common.problems import Unprocessable
from tasks import Processed
from tasks.translation.options import Processing
from tasks.translation.processing import process
from tasks.translation.processing.corpus import lines as corpus_lines
from tests.unit.tasks.samples import silent
from tests.unit.tasks.splits import invocation

PAIRS = [(f"Sentence number {at}.", f"Satz Nummer {at}, größer.") for at in range(60)]

type Made = tuple[Processed, dict[Split, list[tuple[str, str]]], list[dict[str, str]]]


def make(content: bytes, **options: Any) -> Made:
    """What processing says, the pairs of each side, and the rejected rows."""
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name, "source"), Path(name, "output")
        source.write_bytes(content)
        folder.mkdir()
        given = msgspec.convert(options, Processing)
        about = process(source, given, folder, invocation(), silent)
        sides = {}
        for side in SPLITS:
            with nanoarrow.ipc.InputStream.from_path(str(folder / f"{side}.arrow")) as file:
                rows = nanoarrow.ArrayStream(file).read_all().to_pylist()
            sides[side] = [(row["source"], row["target"]) for row in rows]
        with (folder / "rejected.csv").open(newline="") as rejected:
            return about, sides, list(csv.DictReader(rejected))


def tsv(pairs: list[tuple[str, str]]) -> bytes:
    return "".join(f"{one}\t{other}\n" for one, other in pairs).encode()


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tmx(pairs: list[tuple[str, str]], head: str = "", languages: Any = ("en-US", "de")) -> str:
    units = "".join(
        f'<tu><tuv xml:lang="{languages[0]}"><seg>{one}</seg></tuv>'
        f'<tuv xml:lang="{languages[1]}"><seg>{other}</seg></tuv></tu>'
        for one, other in pairs
    )
    return f'<?xml version="1.0"?>{head}<tmx version="1.4"><body>{units}</body></tmx>'


def lines(column: int) -> bytes:
    return "\n".join(pair[column] for pair in PAIRS).encode()


LEFT, RIGHT = ("\n".join(each).encode() for each in zip(*PAIRS, strict=True))
JSON = "\n".join(json.dumps({"de": other, "en": one, "id": "7"}) for one, other in PAIRS)
FORMATS = {
    "tsv": (tsv(PAIRS), {}),
    "gzip": (gzip.compress(tsv(PAIRS)), {}),
    "utf-16": (tsv(PAIRS).decode().encode("utf-16"), {}),
    "header": (b"id\tde\ten\n" + b"".join(f"1\t{b}\t{a}\n".encode() for a, b in PAIRS), {}),
    "json lines": (JSON.encode(), {}),
    "two files": (packed({"x.en": lines(0), "x.de": lines(1)}), {}),
    "many files": (
        packed({"a/x.de": lines(1), "a/readme.txt": b"hello", "a/x.en": lines(0)}),
        {"source_language": "a/x.en", "target_language": "de"},
    ),
    "tmx": (tmx(PAIRS).encode(), {}),
    "tmx with names": (
        tmx(PAIRS).encode("utf-16"),
        {"source_language": "EN", "target_language": "de"},
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_pairs(name: str) -> None:
    content, options = FORMATS[name]
    if name in ("header", "json lines"):
        options = {"source_language": "en", "target_language": "de"}
    about, sides, rejected = make(content, **options)
    assert sorted(pair for side in sides.values() for pair in side) == sorted(PAIRS)
    assert rejected == []
    assert about.source["format"] in ("tsv", "jsonl", "lines", "tmx")


def returned(content: bytes) -> bytes:
    """Text whose lines end in carriage returns, as in files of old."""
    return content.replace(b"\n", b"\r")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(returned(tsv(PAIRS)), id="tsv"),
        pytest.param(
            returned(JSON.replace('"en"', '"source"').replace('"de"', '"target"').encode()),
            id="json lines",
        ),
        pytest.param(packed({"a.en": returned(LEFT), "a.de": RIGHT}), id="one file of two"),
        pytest.param(packed({"a.en": returned(LEFT), "a.de": returned(RIGHT)}), id="both files"),
    ],
)
def test_lines_may_end_in_carriage_returns(content: bytes) -> None:
    _, sides, rejected = make(content)
    assert sorted(pair for side in sides.values() for pair in side) == sorted(PAIRS)
    assert rejected == []


def test_long_files_of_carriage_returns_lose_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_lines, "LINE_BYTES", 100)
    monkeypatch.setattr(corpus_lines, "CHUNK", 7)
    content = returned(tsv(PAIRS[:30])) + tsv(PAIRS[30:]).replace(b"\n", b"\r\n")
    _, sides, _ = make(content)
    assert sorted(pair for side in sides.values() for pair in side) == sorted(PAIRS)
    with pytest.raises(Unprocessable, match="a line of over 100 bytes"):
        make(content + b"long" * 50)


def test_a_stray_carriage_return_shifts_no_line() -> None:
    stray = LEFT.replace(b"number 7.", b"number\r7.")
    _, sides, _ = make(packed({"a.en": stray, "a.de": RIGHT}))
    found = {other: one for side in sides.values() for one, other in side}
    assert found[PAIRS[8][1]] == PAIRS[8][0]


def test_json_lines_with_a_key_twice_are_set_aside() -> None:
    rows = [json.dumps({"source": one, "target": other}) for one, other in PAIRS]
    twice = '{"source": "a", "target": "b", "t\\u0061rget": "c"}'
    fine = '{"source": "of: it", "target": "von: ihm", "meta": {"target": 1}, "n": 1, "n": 2}'
    _, sides, rejected = make("\n".join([*rows, twice, fine]).encode())
    assert [row["rejected_reason"] for row in rejected] == ["a key twice"]
    assert ("of: it", "von: ihm") in [pair for side in sides.values() for pair in side]


def test_pairs_that_cannot_be_used_are_set_aside_with_the_reason() -> None:
    long = "many words " * 20
    bad = [
        ("", "leer", "empty source"),
        ("empty", " ", "empty target"),
        ("short", long, "lengths too different"),
        ("x" * 501, "y" * 501, "too long"),
        ("broken \ufffd text", "kaputter Text", "not UTF-8"),
    ]
    content = tsv([*PAIRS, *((one, other) for one, other, _ in bad)]) + b"no tab here\n\n"
    about, _, rejected = make(content)
    reasons = {row["rejected_reason"] for row in rejected}
    assert reasons == {*(reason for _, _, reason in bad), "too few columns"}
    assert about.rows == {"read": 66, "duplicates": 0, "rejected": 6, "used": 60}
    (warning,) = about.warnings
    assert (warning.code, warning.count, warning.blocks_promotion) == ("rejected_rows", 6, False)


def test_many_pairs_that_cannot_be_used_block_promotion() -> None:
    about, _, _ = make(tsv([*PAIRS, *((f"only {n}", "") for n in range(9))]))
    (warning,) = about.warnings
    assert (warning.count, warning.blocks_promotion) == (9, True)
    assert "9 of 69 pairs cannot be used: empty target (9)" in warning.detail


def test_chinese_is_not_too_short_beside_english() -> None:
    pairs = [
        (f"Today is number {at} of the many days of this year.", f"今天是第{at}天。")
        for at in range(60)
    ]
    about, _, _ = make(tsv(pairs))
    assert about.rows["rejected"] == 0


def test_texts_are_normal_and_duplicates_are_dropped() -> None:
    about, sides, _ = make(tsv([*PAIRS, *[(f"  {one}\u0007", f"{two} ") for one, two in PAIRS]]))
    assert about.rows["duplicates"] == 60
    assert sorted(pair for side in sides.values() for pair in side) == sorted(PAIRS)


def test_a_source_never_has_translations_on_two_sides() -> None:
    pairs = [(one, f"{two} {n}") for one, two in PAIRS for n in "ab"]
    pairs += [(one.upper(), f"{two} c") for one, two in PAIRS]
    _, sides, _ = make(tsv(pairs))
    where = [{one.lower() for one, _ in side} for side in sides.values()]
    assert sum(map(len, where)) == len(set().union(*where)) == 60


def test_a_column_may_name_the_sides_and_test_keeps_what_training_has_too() -> None:
    sides = ["train"] * 50 + ["dev"] * 5 + ["test"] * 5
    rows = [f"{a}\t{b}\t{side}" for (a, b), side in zip(PAIRS, sides, strict=True)]
    rows += [f"{PAIRS[59][0]}\tNoch eine.\ttrain", f"{PAIRS[0][0]}\tNoch eine.\telsewhere"]
    content = "\n".join(["en\tde\tfold", *rows]).encode()
    about, made, rejected = make(
        content, source_language="en", target_language="de", split={"column": "fold"}
    )
    assert about.split_rows == {"train": 50, "validation": 5, "test": 5}
    assert PAIRS[59] in made["test"]
    assert {row["rejected_reason"] for row in rejected} == {
        "source is in another split",
        "split column names no split",
    }


def test_codes_in_segments_are_left_out() -> None:
    first = ('Press <bpt i="1">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> &amp; go.', "Los.")
    _, sides, _ = make(tmx([first, *PAIRS]).encode())
    assert ("Press OK & go.", "Los.") in [pair for side in sides.values() for pair in side]


BOMB = (
    '<!DOCTYPE tmx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
OUTSIDE = '<!DOCTYPE tmx [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (tmx([("&c;", "x")], BOMB).encode(), "declares the entity"),
        (tmx([("&xxe;", "x")], OUTSIDE).encode(), "declares the entity"),
        (tmx(PAIRS)[:-20].encode(), "not well-formed"),
        (tmx([("&nothing;", "x")]).encode(), "not well-formed"),
        (tmx([*PAIRS, ("a", "b")], languages=("en", "de")).replace("de", "fr", 1).encode(), "left"),
        (tmx([("caf&eacute;", "x")], '<!DOCTYPE tmx SYSTEM "t.dtd">').encode(), "does not declare"),
        (tmx([("é" * 600_000, "x")]).encode(), "over 1,048,576 bytes"),
        (tmx(PAIRS, languages=("e" * 101, "de")).encode(), "language code of 101 characters"),
        (tmx(PAIRS).replace("</tu>", "<seg/>" * 1000 + "</tu>").encode(), "more than 1,000 segm"),
        (packed({"x.en": lines(0), "x.ru": b"\0\1\2"}), r"x\.ru: .*is binary"),
        (b"", "empty"),
        (b"one sentence on a line\nand no other\n", "no tab"),
        (b'[{"source": "a", "target": "b"}]', "JSON array"),
        (b"\0\1\2", "binary"),
        (b"x\t" + b"y" * (1 << 21), "line of over"),
        (packed({"x.en": b"a\nb", "x.de": b"a"}), "has 1 lines"),
        (packed({"x.en": b"a\nb"}), "x.en"),
        (packed({"x.en": lines(0), "x.de": lines(1)})[:-400], "zip"),
        (tsv(PAIRS[:1]), "nothing is left"),
        (tsv([("a", "")]), "No sentence pair"),
    ],
)
def test_what_is_no_corpus_is_refused_with_the_reason(content: bytes, detail: str) -> None:
    with pytest.raises(Unprocessable, match=detail):
        make(content)


def told(about: Processed, code: str) -> Any:
    (found,) = [warning for warning in about.warnings if warning.code == code]
    return found


def rows_of(*columns: str) -> bytes:
    """Tab-separated text of PAIRS: {n} is the row, {one} and {other} its sentences."""
    written = (
        "\t".join(columns).format(n=n, one=one, other=other) for n, (one, other) in enumerate(PAIRS)
    )
    return "\n".join(written).encode()


@pytest.mark.parametrize(
    ("content", "where", "example"),
    [
        (rows_of("12{n}", "{one}", "5{n}", "{other}"), "/source_language", "'121', '122'"),
        (b"id\ten\tde\n" + rows_of("{n}", "{one}", "{other}"), "/source_language", "'0', '1'"),
        (rows_of("0.{n}", "{one}", "{other}"), "/source_language", "'0.1', '0.2'"),
        (rows_of("s_{n}", "{one}", "{other}"), "/source_language", "'s_1', 's_2'"),
        (rows_of("en", "{one}", "de", "{other}"), "/source_language", "'en'"),
        (rows_of("{one}", "2024-01-01 10:{n}", "{other}"), "/target_language", "'2024-01-01 10:1'"),
    ],
)
def test_columns_without_names_that_hold_no_sentences_are_refused(
    content: bytes, where: str, example: str
) -> None:
    with pytest.raises(Unprocessable, match="holds no sentences") as raised:
        make(content)
    (error,) = raised.value.errors
    assert (error.pointer, example in error.detail) == (where, True)


@pytest.mark.parametrize(
    ("content", "columns", "first"),
    [
        (rows_of("{one}", "{other}", "CC-BY"), 3, "Sentence number 0."),
        (b"English\tGerman\n" + tsv(PAIRS), 2, "English"),
        (b"en\tDE\n" + tsv(PAIRS), 2, "en"),
    ],
)
def test_columns_that_nothing_names_are_told(content: bytes, columns: int, first: str) -> None:
    about, _, _ = make(content)
    warning = told(about, "unnamed_columns")
    assert (warning.count, warning.option) == (columns, "source_language, target_language")
    assert warning.examples[0].startswith(f"{first}\t")


def test_two_columns_of_sentences_need_no_names() -> None:
    about, _, _ = make(tsv(PAIRS))
    assert about.warnings == []


@pytest.mark.parametrize("header", ["Target\tSource", " TARGET \tsource"])
def test_names_of_columns_may_be_in_any_case(header: str) -> None:
    content = f"{header}\n".encode() + rows_of("{other}", "{one}")
    _, sides, _ = make(content)
    assert sorted(pair for side in sides.values() for pair in side) == sorted(PAIRS)
    content = b"DE\tEN\n" + rows_of("{other}", "{one}")
    _, sides, _ = make(content, source_language="en", target_language="de")
    assert sorted(pair for side in sides.values() for pair in side) == sorted(PAIRS)


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize("header", [[], [("source", "target")]])
def test_quotes_of_a_table_are_not_learned(quoting: Any, header: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    spoken = [(f'He said "{one}"', f'Er sagte "{other}"') for one, other in PAIRS[:5]]
    rows = [*header, *spoken, *PAIRS[5:]]
    csv.writer(out, delimiter="\t", quoting=quoting).writerows(rows)
    about, sides, _ = make(out.getvalue().encode())
    found = sorted(pair for side in sides.values() for pair in side)
    assert found == sorted([*spoken, *PAIRS[5:]])
    assert told(about, "quoted_cells").examples[0].startswith('"')


def test_quotes_of_texts_are_kept() -> None:
    pairs = [(f'"{one}"', f'"{other}"') for one, other in PAIRS[:20]]
    pairs += [(f'He said "{one}"', f'"So" {other}') for one, other in PAIRS[20:]]
    for some in (pairs, [*pairs[:20], *PAIRS[20:]]):
        about, sides, _ = make(tsv(some))
        assert sorted(pair for side in sides.values() for pair in side) == sorted(some)
        assert about.warnings == []


def test_languages_that_no_unit_has_are_told_with_those_there_are() -> None:
    content = tmx(PAIRS, languages=("eng", "deu")).encode()
    with pytest.raises(Unprocessable, match="no unit has 'en': they have deu, eng") as raised:
        make(content, source_language="en", target_language="de")
    assert [error.pointer for error in raised.value.errors] == ["/source_language"]
    with pytest.raises(Unprocessable, match="no unit has 'de'"):
        make(content, source_language="eng", target_language="de")
    make(content, source_language="eng", target_language="DEU")


def test_elements_of_tmx_are_nested_within_bounds() -> None:
    """An open element takes 125 bytes of memory, and hardly a bit of a compressed file."""
    deep = "<x>" * 10_000
    with pytest.raises(Unprocessable, match="more than 1,000 elements in each other"):
        make(tmx(PAIRS).replace("<body>", f"<body>{deep}").encode())
    some = "<hi>" * 100 + "a" + "</hi>" * 100
    make(tmx([*PAIRS, (some, "b")]).encode())


def test_the_two_languages_are_different_ones() -> None:
    with pytest.raises(Unprocessable, match="name the other one"):
        make(tmx(PAIRS).encode(), source_language="de", target_language="de")
    about, _, _ = make(tmx(PAIRS).encode(), target_language="en")
    assert about.source["source_language"] == "de"


def test_a_line_nested_too_deep_is_set_aside() -> None:
    rows = [json.dumps({"source": one, "target": other}) for one, other in PAIRS]
    about, _, rejected = make("\n".join([*rows, "[" * 100_000]).encode())
    assert (about.rows["used"], len(rejected)) == (len(PAIRS), 1)


@pytest.mark.parametrize("name", ["source_language", "target_language"])
def test_a_name_that_is_not_there_is_refused(name: str) -> None:
    table = tsv([("en", "de"), *PAIRS])
    for content in (table, packed({"x.en": lines(0), "x.de": lines(1)})):
        with pytest.raises(Unprocessable, match="nowhere"):
            make(content, **{"source_language": "en", "target_language": "de", name: "nowhere"})


@pytest.mark.parametrize(
    ("content", "options", "where", "detail"),
    [
        (tmx(PAIRS).encode(), {"split": {"column": "side"}}, "/split/column", "no columns"),
        (
            packed({"a": lines(0), "b": lines(1)}),
            {"split": {"column": "side"}},
            "/split/column",
            "no",
        ),
        (
            tmx(PAIRS).replace("</tu>", '<tuv xml:lang="fr"><seg>x</seg></tuv></tu>').encode(),
            {"target_language": "de"},
            "/source_language",
            "the units have en-US, fr",
        ),
        (
            packed({"x.en": lines(0), "x.de": lines(1), "x.fr": lines(1)}),
            {"target_language": "de"},
            "/source_language",
            "the zip holds x.en, x.fr besides",
        ),
        (
            packed({"x.en": lines(0), "x.de": lines(1)}),
            {"source_language": "en", "target_language": "x.en"},
            "/target_language",
            "the file of the source_language",
        ),
    ],
)
def test_what_options_leave_open_is_told_at_its_field(
    content: bytes, options: dict[str, Any], where: str, detail: str
) -> None:
    with pytest.raises(Unprocessable, match=detail) as raised:
        make(content, **options)
    assert [error.pointer for error in raised.value.errors] == [where]


def test_one_language_is_enough_of_two_files() -> None:
    archive = packed({"x.en": lines(0), "x.de": lines(1)})
    about, sides, _ = make(archive, source_language="de")
    assert (about.source["source_language"], about.source["target_language"]) == ("x.de", "x.en")
    assert all(target.startswith("Sentence") for _, target in sides["train"])


def test_long_names_of_files_are_cut() -> None:
    about, _, _ = make(packed({"e" * 60_000: lines(0), "d" * 60_000: lines(1)}))
    assert about.source["source_language"] == "e" * 200


@pytest.mark.parametrize("options", [{}, {"encoding": "windows-1252"}])
def test_each_file_of_a_zip_has_its_encoding_found_out(options: dict[str, str]) -> None:
    english, german = ("\n".join(side) for side in zip(*PAIRS, strict=True))
    content = packed({"c.en": english.encode(), "c.de": german.encode("windows-1252")})
    about, sides, rejected = make(content, **options)
    assert sorted(pair for side in sides.values() for pair in side) == sorted(PAIRS)
    assert not rejected
    if options:
        assert not about.warnings
        return
    (told,) = about.warnings
    assert (told.code, told.option) == ("encoding", "encoding")
    assert told.detail.startswith("c.de is not in UTF-8; it was read as windows-1252.")
    assert about.source["encoding"] == "utf-8, windows-1252"


def test_a_file_of_a_zip_may_be_utf_16() -> None:
    english, german = ("\n".join(side) for side in zip(*PAIRS, strict=True))
    _, sides, _ = make(packed({"c.en": english.encode(), "c.de": german.encode("utf-16")}))
    assert sum(map(len, sides.values())) == len(PAIRS)


def test_a_file_of_a_zip_that_is_not_in_the_encoding_is_named() -> None:
    files = {"c.en": b"One.\nTwo.", "c.de": "Größe.\nZwei.".encode("latin-1")}
    with pytest.raises(Unprocessable, match=r"c\.de: .*utf-8"):
        make(packed(files), encoding="utf-8")
    with pytest.raises(Unprocessable, match="is not the name of an encoding"):
        make(packed(files), encoding="base64")


def test_an_encoding_that_is_given_is_taken() -> None:
    pairs = [(one, f"Дом номер {at}, большой.") for at, (one, _) in enumerate(PAIRS)]
    _, sides, rejected = make(tsv(pairs).decode().encode("cp1251"), encoding="windows-1251")
    assert sorted(pair for side in sides.values() for pair in side) == sorted(pairs)
    assert not rejected


@pytest.mark.parametrize(
    ("options", "languages"),
    [
        ({}, ("en", "de")),
        ({"source_language": "de", "target_language": "en"}, ("de", "en")),
        ({"source_language": "de"}, ("de", "en")),
        ({"target_language": "en"}, ("de", "en")),
    ],
)
def test_languages_may_be_keys_of_a_translation(
    options: dict[str, str], languages: tuple[str, str]
) -> None:
    rows = [{"id": at, "translation": {"en": a, "de": b}} for at, (a, b) in enumerate(PAIRS)]
    about, sides, rejected = make("\n".join(map(json.dumps, rows)).encode(), **options)
    expected = PAIRS if languages == ("en", "de") else [(b, a) for a, b in PAIRS]
    assert sorted(pair for side in sides.values() for pair in side) == sorted(expected)
    assert (about.source["source_language"], about.source["target_language"]) == languages
    assert not rejected


def test_keys_that_are_not_there_are_named() -> None:
    rows = [{"english": one, "german": other} for one, other in PAIRS]
    with pytest.raises(Unprocessable, match=r"no key 'source' \(60\)"):
        make("\n".join(map(json.dumps, rows)).encode())


def test_a_language_that_a_translation_has_twice_is_told() -> None:
    rows = [json.dumps({"translation": {"en": a, "de": b}}) for a, b in PAIRS]
    rows.append('{"translation": {"en": "One.", "en": "Two.", "de": "Eins."}}')
    about, _, _ = make("\n".join(rows).encode())
    assert about.rejected["reasons"] == {"a key twice": 1}
