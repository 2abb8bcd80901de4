"""Values that break what reads them, for any field and by what the contract says of one."""

import json
import random
from collections.abc import Iterator
from typing import Any

IMITATION = "Invalid enum value 'a' - at `key` in `$.types[...]`"
"""What a library's message looks like."""

DEEP_LIST, DEEP_TABLE = "(deep list)", "(deep table)"
"""Stand for values that are nested too deep for the encoder of JSON."""

DEPTH = 3000

TEXTS = [
    *("", " ", "\0", "a\0b", "\n", "\ud800", "NaN", "Infinity", "null", "-1", "x" * 3000),
    *("../x", "raw/", "raw/../x", "raw/\0", "raw/none", "%00", "%2e%2e%2f", "'; DROP TABLE x; --"),
    *("{0.__class__}", "%s%n", "\u202e\u732b\U0001f600", "\u0130", "true", ",", "\t", '"'),
    *(IMITATION, "field `x`", "a`b", "~1/~0"),
]
NUMBERS = [
    *(0, 1, -1, 1.5, 1e308, -1e308, 5e-324, 2**31, 2**63, 2**64, 2**127, -(2**127), 10**400),
    *(-(10**400), float("nan"), float("inf"), -float("inf")),
]
OTHERS: list[Any] = [
    *(None, True, False, [], {}, [[]], [None], [{}], {"": 1}, {"x": {"": []}}),
    *(DEEP_LIST, DEEP_TABLE, [1, "1", None], {IMITATION: IMITATION}),
]


def encoded(value: Any) -> str:
    """A value as JSON, or nearly: NaN and halves of surrogate pairs are written, too."""
    text = json.dumps(value)
    for name, start, end in ((DEEP_LIST, "[", "]"), (DEEP_TABLE, '{"a":', "}")):
        text = text.replace(json.dumps(name), f"{start * DEPTH}1{end * DEPTH}")
    return text


def decoded(text: str) -> Any:
    """The value of a text that is encoded here. Raises ValueError where it is no JSON."""
    if "\\ud800" in text:
        raise ValueError("half of a surrogate pair")
    try:
        return json.loads(text, parse_constant=int)  # which reads no names
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def at_bounds(schema: dict[str, Any], chance: random.Random) -> Iterator[Any]:
    """Values at the bounds that the contract gives a field, and right behind them."""
    for choice in schema.get("enum", ()):
        if choice is not None:
            yield from (f"{choice}x", choice.upper(), [choice], choice)
    for end, step in (("minimum", -1), ("maximum", 1)):
        if end in schema:
            yield from (schema[end], schema[end] + step, str(schema[end]), float(schema[end]))
    for end, step in (("minLength", -1), ("maxLength", 1)):
        if end in schema:
            for length in (schema[end], schema[end] + step):
                yield from (letter * length for letter in "a\u732b")
    if "maxItems" in schema and schema["maxItems"] <= 2000:
        item = next(iter(schema["items"].get("enum", ["a"])))
        yield from ([item] * count for count in (schema["maxItems"], schema["maxItems"] + 1, 2))
    if "maxProperties" in schema:
        for count in (schema["maxProperties"], schema["maxProperties"] + 1):
            yield {f"c{number}": "number" for number in range(count)}
    if "pattern" in schema:
        yield from ("a\n", "a" * 200, "-a", "A/B", "a.b", "\u00e9", "ok-1_x")


def hostile(schema: dict[str, Any], chance: random.Random) -> list[Any]:
    """All such values for a field, in an order by chance."""
    values = [*at_bounds(schema, chance), *TEXTS, *NUMBERS, *OTHERS]
    chance.shuffle(values)
    return values


def any_value(chance: random.Random) -> Any:
    """Such a value, or text by chance, perhaps within lists and tables."""
    roll = chance.random()
    if roll < 0.15:
        return [any_value(chance) for _ in range(chance.randrange(4))]
    if roll < 0.3:
        return {chance.choice(TEXTS): any_value(chance) for _ in range(chance.randrange(4))}
    if roll < 0.4:
        return "".join(chr(chance.randrange(1, 0x3000)) for _ in range(chance.randrange(40)))
    return chance.choice([*TEXTS, *NUMBERS, *OTHERS])
