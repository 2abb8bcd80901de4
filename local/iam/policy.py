"""Policy documents as data.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from local.iam.conditions import Condition, PolicyError
from local.iam.matching import Context, expand, like, literal

ACCOUNT_ID = re.compile(r"\d{12}")


@dataclass(frozen=True)
class Element:
    """The values of Action, Resource or Principal; negated for NotAction and its like."""

    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Statement:
    """One statement; `name` is its Sid, or its place in the policy.

    Principals are written `AWS:<arn>`, `Service:<name>` and so on, and `*` for everybody.
    """

    name: str
    allows: bool
    actions: Element
    resources: Element
    principals: Element | None
    conditions: tuple[Condition, ...]

    def applies(self, action: str, resource: str | None, context: Context) -> bool:
        """Whether the statement is about this. None is a resource that is not known.

        What is not known is allowed only where everything is, and denied where anything is.
        """
        return (
            self._about_action(action)
            and self._about_resource(resource, context)
            and all(condition.holds(context) for condition in self.conditions)
        )

    def _about_action(self, action: str) -> bool:
        found = any(like(one, action, ignore_case=True) for one in self.actions.values)
        return found != self.actions.negated

    def _about_resource(self, resource: str | None, context: Context) -> bool:
        values, negated = self.resources.values, self.resources.negated
        if resource is None:
            return not self.allows or (values == ("*",) and not negated)
        expanded = [expand(value, context) for value in values]
        return any(one is not None and like(one, resource) for one in expanded) != negated


@lru_cache(maxsize=256)
def parse(document: str) -> tuple[Statement, ...]:
    """The statements of a policy in JSON. Raises PolicyError."""
    try:
        policy = json.loads(document)
        statements = policy["Statement"]
        return tuple(
            _statement(statement, f"statement {number}", policy.get("Version"))
            for number, statement in enumerate(_many(statements), start=1)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, PolicyError):
            raise
        raise PolicyError(f"The policy is malformed ({error!r}): {document[:200]}") from error


def _statement(statement: Mapping[str, Any], place: str, version: str | None) -> Statement:
    name = statement.get("Sid") or place
    if statement["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(f"Effect of {name} is {statement['Effect']!r}, not Allow or Deny")
    actions = _element(statement, "Action", version)
    if actions is None:
        raise PolicyError(f"{name} has neither Action nor NotAction")
    return Statement(
        name=name,
        allows=statement["Effect"] == "Allow",
        actions=actions,
        resources=_element(statement, "Resource", version) or Element(("*",)),
        principals=_principals(statement),
        conditions=tuple(
            Condition.parse(operator, key, _values(values, version))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        ),
    )


def _element(statement: Mapping[str, Any], name: str, version: str | None) -> Element | None:
    for key, negated in ((name, False), (f"Not{name}", True)):
        if key in statement:
            return Element(_values(statement[key], version), negated)
    return None


def _principals(statement: Mapping[str, Any]) -> Element | None:
    for key, negated in (("Principal", False), ("NotPrincipal", True)):
        if key in statement:
            given = statement[key]
            kinds = {"AWS": given} if isinstance(given, str) else given
            names = [(kind, str(one)) for kind in kinds for one in _many(kinds[kind])]
            return Element(tuple(_principal(kind, one) for kind, one in names), negated)
    return None


def _principal(kind: str, name: str) -> str:
    if kind == "AWS" and name == "*":
        return "*"
    if kind == "AWS" and ACCOUNT_ID.fullmatch(name):
        return f"AWS:arn:aws:iam::{name}:root"
    return f"{kind}:{name}"


def _values(given: Any, version: str | None) -> tuple[str, ...]:
    """As strings, JSON's booleans as IAM writes them; variables came with version 2012-10-17."""
    texts = (str(one).lower() if isinstance(one, bool) else str(one) for one in _many(given))
    return tuple(text if version == "2012-10-17" else literal(text) for text in texts)


def _many(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]
