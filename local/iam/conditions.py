"""Condition operators.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import base64
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from local.iam.matching import Context, arn_like, equals, expand, like

Comparison = Callable[[str, str], bool]
"""Whether a policy's value (variables expanded) fits a request's."""


class PolicyError(ValueError):
    """A policy is not one that IAM would take; the message names the element and what would do."""


@dataclass(frozen=True)
class Condition:
    """One key under one operator. `quantifier` is ForAllValues, ForAnyValue or empty."""

    quantifier: str
    operator: str
    if_exists: bool
    key: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, name: str, key: str, values: tuple[str, ...]) -> "Condition":
        """From `ForAllValues:StringLikeIfExists` and the like. Raises PolicyError."""
        quantifier, _, rest = name.rpartition(":")
        bare = rest.removesuffix("IfExists")
        if bare not in (*OPERATORS, "Null") or quantifier not in ("", *QUANTIFIERS):
            known = ", ".join((*OPERATORS, "Null"))
            raise PolicyError(f"Condition operator {name!r} is none of IAM's: {known}")
        return cls(quantifier, bare, rest != bare, key.lower(), values)

    def holds(self, context: Context) -> bool:
        """Whether the request's values are as the condition wants them."""
        actual = context.get(self.key, ())
        if self.operator == "Null":
            return str(not actual).lower() in [value.lower() for value in self.values]
        if self.if_exists and not actual:
            return True
        compare, negated = OPERATORS[self.operator]
        wanted = [expand(value, context) for value in self.values]

        def one(value: str) -> bool:
            return any(each is not None and _fits(compare, each, value) for each in wanted)

        if self.quantifier:
            return QUANTIFIERS[self.quantifier](one(value) != negated for value in actual)
        return any(map(one, actual)) != negated


QUANTIFIERS: dict[str, Callable[[Any], bool]] = {"ForAllValues": all, "ForAnyValue": any}


def _fits(compare: Comparison, wanted: str, actual: str) -> bool:
    try:
        return compare(wanted, actual)
    except ValueError:  # not a number, date or address
        return False


def _number(compare: Callable[[Any, Any], bool]) -> Comparison:
    return lambda wanted, actual: compare(float(actual), float(wanted))


def _date(compare: Callable[[Any, Any], bool]) -> Comparison:
    return lambda wanted, actual: compare(_time(actual), _time(wanted))


def _time(text: str) -> datetime:
    """A moment, from ISO 8601 or seconds since the epoch."""
    if text.replace(".", "", 1).isdigit():
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _same_case_ignored(wanted: str, actual: str) -> bool:
    return equals(wanted.lower(), actual.lower())


def _in_network(wanted: str, actual: str) -> bool:
    return ip_address(actual) in ip_network(wanted, strict=False)


def _same_bytes(wanted: str, actual: str) -> bool:
    return base64.b64decode(wanted) == base64.b64decode(actual)


OPERATORS: dict[str, tuple[Comparison, bool]] = {
    "StringEquals": (equals, False),
    "StringNotEquals": (equals, True),
    "StringEqualsIgnoreCase": (_same_case_ignored, False),
    "StringNotEqualsIgnoreCase": (_same_case_ignored, True),
    "StringLike": (like, False),
    "StringNotLike": (like, True),
    "ArnEquals": (arn_like, False),
    "ArnNotEquals": (arn_like, True),
    "ArnLike": (arn_like, False),
    "ArnNotLike": (arn_like, True),
    "Bool": (_same_case_ignored, False),
    "BinaryEquals": (_same_bytes, False),
    "IpAddress": (_in_network, False),
    "NotIpAddress": (_in_network, True),
    **{
        f"{kind}{name}": (make(compare), negated)
        for kind, make in (("Numeric", _number), ("Date", _date))
        for name, compare, negated in (
            ("Equals", operator.eq, False),
            ("NotEquals", operator.eq, True),
            ("LessThan", operator.lt, False),
            ("LessThanEquals", operator.le, False),
            ("GreaterThan", operator.gt, False),
            ("GreaterThanEquals", operator.ge, False),
        )
    },
}
"""Each operator's comparison, and whether it is that comparison's negation.

A negated operator holds where the request lacks the key.
"""
