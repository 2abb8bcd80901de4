"""No manifest of a brought model, whatever is in it, is more than refused."""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from common.problems import Unprocessable
from tasks.onnx.spec import Spec
from tasks.onnx.training import manifest as manifests
from tasks.onnx.training.inspection import Refused
from tasks.onnx.training.trial import tried
from tests.unit.hostile.cases import CASES, SEED, Path, with_value
from tests.unit.hostile.values import any_value, encoded, hostile
from tests.unit.plain import assert_plain
from tests.unit.tasks import brought

SHARE = CASES // 20
(SCHEMA,), DEFINITIONS = msgspec.json.schema_components([Spec])


def fields(schema: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """All fields of a manifest, with their paths; of lists, the first item."""
    if "$ref" in schema:
        schema = DEFINITIONS[schema["$ref"].rpartition("/")[2]]
    yield path, schema
    for one in schema.get("anyOf", ()):
        yield from fields(one, path)
    for name, inner in schema.get("properties", {}).items():
        yield from fields(inner, (*path, name))
    if "items" in schema:
        yield from fields(schema["items"], (*path, 0))


def made(chance: random.Random) -> Iterator[str]:
    base = brought.manifest()
    known = [(path, hostile(schema, chance)) for path, schema in fields(SCHEMA)]
    for at in range(max(len(values) for _, values in known)):
        for path, values in known:
            yield encoded(with_value(base, path, values[at % len(values)]))
    while True:
        body: Any = base
        for path, _ in chance.sample(known, 3):
            body = with_value(body, path, any_value(chance))
        yield encoded(body)


def test_manifests() -> None:
    taken = 0
    for text in islice(made(random.Random(SEED)), SHARE):
        try:
            tried(brought.files(None, None), manifests.read(text.encode()))
            taken += 1
        except (Unprocessable, Refused) as problem:
            assert_plain(str(problem))
        except Exception as error:
            raise AssertionError(f"seed {SEED}: {text[:500]!r}") from error
    assert 0 < taken < SHARE / 2
