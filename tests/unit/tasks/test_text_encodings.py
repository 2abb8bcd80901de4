"""Text in other encodings is read right, or refused with the option that says what it is in."""

import gzip
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.problems import Unprocessable
from tests.unit.tasks.tables import process

WORDS = {
    "gb18030": ["北京 很好 女", "上海 一般 男", "客户流失 不满意 价格"],
    "gbk": ["房间很干净 广州", "服务很方便 位置 是", "产品质量不错 价格 否"],
    "big5": ["台北", "高雄", "客戶"],
    "shift_jis": ["東京 はい とても", "大阪 いいえ 解約", "サービス 良い プラン"],
    "euc_jp": ["東京 はい サービス とても", "いいえ 解約 継続", "良い 悪い プラン"],
    "euc_kr": ["서울 부산 대구", "인천 해지 유지", "매우 좋음 나쁘다"],
    "iso2022_jp": ["赤い", "青い", "カタカナ"],
    "iso2022_kr": ["서울 부산 대구", "인천 해지 유지", "매우 좋음 나쁘다"],
    "windows-1251": ["Москва", "Казань", "нет"],
    "koi8-r": ["Москва", "Казань", "нет"],
    "windows-1253": ["Αθήνα", "Πάτρα", "όχι"],
    "windows-1255": ["תל אביב", "חיפה", "ירושלים"],
    "windows-1256": ["القاهرة", "نعم", "الرياض"],
    "windows-1252": ["Besançon", "très bon", "déçu"],
    "latin-1": ["München", "Köln", "größer"],
}


def table(words: list[str]) -> str:
    rows = [f"{i * 7 % 40},{words[i % 3]},{'yn'[i % 2]}\n" for i in range(60)]
    return "".join(["x,color,y\n", *rows])


@pytest.mark.parametrize("encoding", WORDS)
def test_an_encoding_is_found_out_and_told(encoding: str) -> None:
    words = WORDS[encoding]
    made = process(table(words).encode(encoding))
    assert set(made.column("color").categories) == set(words)
    (found,) = [each for each in made.about.warnings if each.code == "encoding"]
    assert found.option == "encoding"
    assert found.examples[0] in " ".join(words)


@pytest.mark.parametrize(
    "words", [["~{note~}", "~{ab", "x"], ["\x1b[31mred", "\x1b[0m", "x"], ["on \x1b$ it", "y", "x"]]
)
def test_ascii_with_odd_marks_is_ascii(words: list[str]) -> None:
    made = process(table(words).encode())
    assert (made.about.source["encoding"], "encoding" in made.codes) == ("utf-8", False)


def test_dashes_between_words_are_no_letters_of_mac_roman() -> None:
    words = ["cost\u2013benefit", "input\u2013output", "he said\u2014and"]
    made = process(table(words).encode("windows-1252"))
    assert made.about.source["encoding"] == "windows-1252"


def test_words_of_any_length_are_read_once() -> None:
    """Looking for a word at each of its letters took hours for a genome."""
    genome = "ACGT" * 100_000
    words = [f"{word} {genome}" for word in WORDS["latin-1"]]
    made = process("".join(["x,color,y\n", *table(words).splitlines(True)[1:4]]).encode("latin-1"))
    assert made.about.rows["read"] == 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("words", [["a", "b", "c"], ["一一一", "二", "é"]])
def test_wide_characters_are_read_with_and_without_a_mark(encoding: str, words: list[str]) -> None:
    made = process(table(words).encode(encoding))
    assert set(made.column("color").categories) == set(words)
    assert made.codes == []


@pytest.mark.parametrize(
    ("words", "encoding", "could"),
    [
        (["très", "déçu", "oui"], "cp850", "cp850 (très"),
        (["très", "déçu", "oui"], "mac-roman", "mac-roman (très"),
        (["año", "niño", "señal"], "mac-roman", "mac-roman (año"),
        (["红色", "蓝色", "绿色"], "hz", "hz (红色"),
        (["źle", "Częstochowa", "zażółć"], "iso8859-2", "iso8859-2 (źle"),
        (["是", "否", "留存"], "gbk", "gb18030 (是"),
        (["서울", "부산", "예"], "euc-kr", "cp949 (서울"),
    ],
)
def test_what_is_not_clear_is_refused_and_read_where_the_caller_says(
    words: list[str], encoding: str, could: str
) -> None:
    content = table(words).encode(encoding)
    with pytest.raises(Unprocessable) as raised:
        process(content)
    assert could in raised.value.detail
    assert raised.value.errors[0].pointer == "/encoding"
    made = process(content, encoding=encoding)
    assert set(made.column("color").categories) == set(words)


OF_NO_FILE = ("unicode_escape", "raw-unicode-escape", "punycode", "idna", "charmap", "undefined")


@pytest.mark.parametrize("name", [*("klingon", "base64", "rot13", "\0"), *OF_NO_FILE])
def test_a_name_that_is_no_encoding_is_refused(name: str) -> None:
    with pytest.raises(Unprocessable, match="is not the name of an encoding"):
        process(table(["a", "b", "c"]).encode(), encoding=name)


def test_half_a_character_is_named_by_line() -> None:
    content = table(["a", "b", "c"]).encode()
    assert process(content, encoding="utf-7").about.rows["used"] == 60
    with pytest.raises(Unprocessable, match="not valid utf-7: line 62"):
        process(content + b"1,+2AA-,y\n", encoding="utf-7")
    with pytest.raises(Unprocessable, match="not valid utf-7"):
        process(content + b"1,+" + b"A" * 9_000_000, encoding="utf-7")  # read again and again


def test_bytes_that_are_not_in_the_given_encoding_are_named_by_line() -> None:
    content = table(["a", "b", "c"]).encode() + "1,é,y\n".encode("latin-1")
    with pytest.raises(Unprocessable, match="not valid utf-8: line 62"):
        process(content, encoding="utf-8")


def test_a_zero_byte_is_named_by_line() -> None:
    content = "x,color,y\n" + "1,a,y\n" * 1000 + "1,\0,n\n" + "1,a,n\n" * 1000
    with pytest.raises(Unprocessable, match="Line 1,002 has a NUL byte"):
        process(content.encode())


def tar() -> bytes:
    file, content = io.BytesIO(), b"x,y\n1,a\n"
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo("data.csv")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gzip.compress(gzip.compress(b"x,y\n1,a\n")), "compressed with gzip twice"),
        (tar(), "tar archive"),
        (b"\n<!doctype HTML>\n<html></html>", "HTML page"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "XML document"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "old Excel"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "7-Zip"),
        (b"\xff\xff\xff\xff\x78" + bytes(50), "a stream of Arrow"),
    ],
)
def test_files_that_are_no_tables_are_named(content: bytes, says: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        process(content)
    assert says in raised.value.detail


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "utf-8"]), st.data())
def test_any_text_in_unicode_survives(encoding: str, data: st.DataObject) -> None:
    letters = st.characters(categories=["L"], max_codepoint=0xFFFF)
    words = data.draw(st.lists(st.text(letters, min_size=1, max_size=6), min_size=3, max_size=3))
    made = process(table([f"w{word}" for word in words]).encode(encoding))
    assert made.about.rows["read"] == 60
