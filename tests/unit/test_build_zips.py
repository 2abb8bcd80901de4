"""What a build puts into the zips and what it refuses, without installing anything."""

import itertools
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.archive import append_to_zip, byte_code, unzipped_bytes, write_zip
from scripts.build_zips import plan, read_version
from scripts.contents import (
    LIMIT,
    BuildError,
    check_binaries,
    check_links,
    check_size,
    keeps_package_file,
)
from scripts.elf import read_elf
from scripts.functions import FUNCTIONS

X86_64, AARCH64 = 62, 183


def elf(machine: int, *needed: str) -> bytes:
    """A 64-bit little-endian shared library of a header, a dynamic section and its strings."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in needed)
    offsets = [strings.index(name.encode()) for name in needed]
    dynamic = b"".join(struct.pack("<qQ", 1, at) for at in offsets) + struct.pack("<qQ", 0, 0)
    strings_at, dynamic_at = 64, 64 + len(strings)
    sections_at = dynamic_at + len(dynamic)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, sections_at, 0, 64, 0, 0, 64, 2, 0)
    sections = struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, strings_at, len(strings), 0, 0, 1, 0)
    sections += struct.pack("<IIQQQQIIQQ", 0, 6, 0, 0, dynamic_at, len(dynamic), 0, 0, 8, 16)
    return header + strings + dynamic + sections


@pytest.mark.parametrize(
    ("function", "path"),
    [
        ("inference", "numpy/linalg/_linalg.py"),
        ("model_training", "numpy/testing/__init__.py"),
        ("inference", "numpy.libs/libscipy_openblas64_-4b78795a.so"),
        ("inference", "onnxruntime/capi/libonnxruntime_providers_shared.so"),
        ("inference", "numpy-2.5.5.dist-info/METADATA"),
        ("inference", "PIL/Image.py"),
        ("inference", "PIL/_imaging.cpython-313-x86_64-linux-gnu.so"),
        ("inference", "PIL/WebPImagePlugin.py"),
        ("inference", "pillow.libs/libtiff-20b7e810.so.6.3.0"),
        ("model_training", "google/protobuf/message.py"),
        ("model_training", "onnx/backend/base.py"),
        ("model_training", "packaging/version.py"),
        ("model_training", "joblib/test/__init__.py"),
        ("model_training", "numpy/f2py/__init__.py"),  # scipy takes all that numpy has
    ],
)
def test_what_runs_is_kept(function: str, path: str) -> None:
    assert keeps_package_file(function, path)


@pytest.mark.parametrize(
    ("function", "path"),
    [
        ("model_training", "sklearn/tree/tests/test_tree.py"),
        ("model_training", "sklearn/tree/_tree.pyx"),
        ("model_training", "onnx/backend/test/data/node/test_abs/model.onnx"),
        ("model_training", "onnxruntime/transformers/optimizer.py"),
        ("model_training", "onnxruntime/capi/libonnxruntime.so.1.32.0"),
        ("model_training", "bin/f2py"),
        ("model_training", ".lock"),
        ("inference", "numpy/__init__.pyi"),
        ("inference", "numpy/_core/lib/libnpymath.a"),
        ("inference", "numpy-2.5.5.dist-info/RECORD"),
        ("inference", "numpy/random/mtrand.cpython-313-x86_64-linux-gnu.so"),
        ("inference", "numpy/f2py/__init__.py"),
        ("inference", "numpy/testing/__init__.py"),
        ("inference", "PIL/ImageFont.py"),
        ("inference", "PIL/_imagingft.cpython-313-x86_64-linux-gnu.so"),
        ("inference", "PIL/AvifImagePlugin.py"),
        ("inference", "pillow.libs/libavif-c6062d5f.so.16.4.2"),
        ("model_training", "numpy/_core/_simd.cpython-313-x86_64-linux-gnu.so"),
        ("inference", "packaging/version.py"),
        ("inference", "google/protobuf/message.py"),
        ("inference", "protobuf-6.33.6.dist-info/METADATA"),
        ("data_processing", "duckdb/__pycache__/__init__.cpython-313.pyc"),
    ],
)
def test_what_never_runs_is_left_out(function: str, path: str) -> None:
    assert not keeps_package_file(function, path)


def test_a_zip_at_the_limit_is_accepted() -> None:
    check_size("inference", LIMIT)


def test_a_zip_over_the_limit_is_refused_saying_by_how_much() -> None:
    with pytest.raises(BuildError, match=r"inference\.zip holds 262,145,234 .* 1,234 more than"):
        check_size("inference", LIMIT + 1234)


@given(
    st.sampled_from([X86_64, AARCH64]),
    st.lists(st.from_regex(r"\Alib[a-z]{1,9}\.so\Z"), max_size=4),
)
def test_an_elf_file_tells_its_machine_and_links(machine: int, needed: list[str]) -> None:
    found = read_elf(elf(machine, *needed))
    assert found is not None
    assert found.machine == machine
    assert list(found.needed) == needed


@given(st.binary())
def test_other_content_is_no_elf_file(data: bytes) -> None:
    assert data.startswith(b"\x7fELF") or read_elf(data) is None


@given(st.integers(min_value=6, max_value=200))
def test_a_cut_elf_file_is_refused(length: int) -> None:
    whole = elf(X86_64, "libc.so.6")
    with pytest.raises(ValueError, match=f"cut short at {length} bytes"):
        read_elf(whole[: min(length, len(whole) - 1)])


def test_a_32_bit_elf_file_is_refused() -> None:
    with pytest.raises(ValueError, match="class 01"):
        read_elf(b"\x7fELF\x01\x01" + bytes(64))


def test_binaries_of_the_right_machine_and_python_pass() -> None:
    files = {
        "a/_a.cpython-313-x86_64-linux-gnu.so": elf(X86_64),
        "b/_b.abi3.so": elf(X86_64),
        "b.libs/libb-2.cpu.so.1": elf(X86_64),
        "b/data.bin": b"any",
    }
    check_binaries("inference", "x86_64", files)


@pytest.mark.parametrize(
    ("path", "machine", "message"),
    [
        ("a/_a.abi3.so", AARCH64, "a/_a.abi3.so is for machine arm64, the zip is for x86_64"),
        ("a.libs/liba.so.3", 40, "is for machine 40, the zip is for x86_64"),
        ("a/_a.cpython-312-x86_64-linux-gnu.so", X86_64, "is for CPython 312"),
        ("a/_a.cpython-313t-x86_64-linux-gnu.so", X86_64, "is for CPython 313t"),
    ],
)
def test_a_binary_that_lambda_cannot_load_is_refused(path: str, machine: int, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        check_binaries("inference", "x86_64", {path: elf(machine)})


def test_a_binary_that_links_what_was_left_out_is_refused() -> None:
    kept = {"a/_a.so": elf(X86_64, "libc.so.6", "liba.so.1")}
    check_links("inference", kept, frozenset({"libb.so.1"}))
    with pytest.raises(BuildError, match=r"a/_a\.so links liba\.so\.1, which was left out"):
        check_links("inference", kept, frozenset({"liba.so.1"}))


def test_a_zip_depends_on_its_content_only(tmp_path: Path) -> None:
    write_zip(tmp_path / "one.zip", {"b.py": b"2", "a.py": b"1"})
    write_zip(tmp_path / "two.zip", {"a.py": b"1", "b.py": b"2"})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["a.py", "b.py"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {oct(entry.external_attr >> 16) for entry in archive.infolist()} == {"0o100644"}


def test_appended_files_stand_beside_the_first(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    write_zip(archive, {"z.py": b"12"})
    append_to_zip(archive, {"a.py": b"345"})
    assert unzipped_bytes(archive) == 5
    assert zipfile.ZipFile(archive).read("z.py") == b"12"


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    write_zip(archive, {"common/__init__.py": b""})
    with pytest.raises(BuildError, match=r"a\.zip holds common/__init__\.py twice"):
        append_to_zip(archive, {"common/__init__.py": b""})


def test_byte_code_is_lean_and_unchecked_and_knows_no_folder_of_the_build() -> None:
    name = "common/greeting.py"
    source = b"def greet():\n    'Says a word.'\n    assert 1 < 2\n    return 'hello'\n"
    compiled = byte_code({name: source})
    assert list(compiled) == ["common/__pycache__/greeting.cpython-313.pyc"]
    (content,) = compiled.values()
    assert content[4:8] == b"\x01\0\0\0"  # PEP 552: by hash, not to be checked
    assert name.encode() in content
    assert b"source.py" not in content
    assert b"hello" in content
    assert b"Says a word." not in content
    assert b"AssertionError" not in content


def test_a_source_that_is_not_python_is_named() -> None:
    with pytest.raises(BuildError, match=r"common/odd\.py is not Python 3\.13: .*line 2"):
        byte_code({"common/odd.py": b"a = 1\ndef\n"})


def source_tree(root: Path) -> Path:
    """The smallest source tree that can be planned, without requirements."""
    files = {"VERSION": "1.2.3\n", "LICENSE": "free", "lambda_src/common/more.py": "a = 1\n"}
    for function, described in FUNCTIONS.items():
        files[f"lambda_src/{function}/handler.py"] = "import common.more\nhandler = print\n"
        files[f"lambda_src/{function}/requirements.txt"] = ""
        for name in described.loads:
            files[f"lambda_src/{name.replace('*', 'churn').replace('.', '/')}.py"] = ""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def fingerprints(root: Path, architecture: str = "x86_64") -> list[str]:
    """What decides for each function whether its zip is up to date."""
    return [plan(root, root / "dist", name, architecture).sources_sha256() for name in FUNCTIONS]


def test_an_own_file_changed_added_or_removed_is_a_change(tmp_path: Path) -> None:
    root = source_tree(tmp_path)
    shared, added = root / "lambda_src/common/more.py", root / "lambda_src/common/another.py"
    seen = [fingerprints(root)]
    shared.write_text("a = 2\n")
    seen.append(fingerprints(root))
    added.write_text("b = 1\n")
    shared.write_text("import common.another\n")
    seen.append(fingerprints(root))
    added.write_text("b = 2\n")
    seen.append(fingerprints(root))
    for before, after in itertools.pairwise(seen):
        assert all(one != two for one, two in zip(before, after, strict=True))
    added.unlink()
    shared.write_text("a = 1\n")
    assert fingerprints(root) == seen[0]


def test_a_file_that_nothing_imports_is_in_no_zip(tmp_path: Path) -> None:
    root = source_tree(tmp_path)
    before = fingerprints(root)
    (root / "lambda_src/common/another.py").write_text("b = 1\n")
    assert fingerprints(root) == before


def test_a_file_of_one_function_changes_only_its_zip(tmp_path: Path) -> None:
    root = source_tree(tmp_path)
    before = fingerprints(root)
    (root / "lambda_src" / "inference" / "handler.py").write_text("import common.more\n")
    changed = [one != two for one, two in zip(before, fingerprints(root), strict=True)]
    assert changed == [function == "inference" for function in FUNCTIONS]


def test_lock_and_architecture_are_part_of_the_sources(tmp_path: Path) -> None:
    root = source_tree(tmp_path)
    x86_64, arm64 = fingerprints(root), fingerprints(root, "arm64")
    assert not set(x86_64) & set(arm64)
    (root / "lambda_src" / "inference" / "requirements.txt").write_text("# other\n")
    assert fingerprints(root)[:2] == x86_64[:2]
    assert fingerprints(root)[2] != x86_64[2]


@pytest.mark.parametrize("text", ["", "1.2", "v1.2.3", "1.2.3-rc1"])
def test_a_version_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "VERSION").write_text(text)
    with pytest.raises(BuildError, match=r"should be like 1\.2\.3"):
        read_version(tmp_path)
