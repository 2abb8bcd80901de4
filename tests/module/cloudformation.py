"""What AWS refuses of an applied state, though an emulator takes it.

The state is written as CloudFormation templates. cfn-lint checks them against the schemas that AWS
publishes of its resources, and against what it knows of IAM documents, runtimes and regions.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

from cfnlint.api import lint
from cfnlint.core import get_rules
from cfnlint.rules import RulesCollection
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.module.cloudformation_kinds import (
    INLINE,
    KINDS,
    NO_COUNTERPART,
    NO_PROPERTY,
    Kind,
    Values,
)
from tests.module.support import State, applied_resources

type Node = dict[str, Any]
"""A part of a resource's JSON schema."""

REGIONS = ("us-east-1", "eu-central-1")
MOST_TAGS = 50
INLINE_POLICIES = 10_240
"""Characters of all inline policies of a role, without white space."""
IGNORED = {
    "I3011": "deletion policies are CloudFormation's own",
    "I4010": "a template's description of its architecture is of no use here",
    "W2530": "the version that SnapStart needs is made by the function's argument `publish`",
}
"""Rules of cfn-lint that do not apply, each with the reason."""


def refused(state: State) -> list[str]:
    """The faults of a state by cfn-lint, its warnings and hints included, and by quotas.

    Raises LookupError for a type or an attribute that cloudformation_kinds.py does not know.
    """
    return [
        line
        for resources in _by_provider(state).values()
        for check in (_lint, _quotas)
        for line in check(resources)
    ]


def _by_provider(state: State) -> dict[str, dict[str, Node]]:
    """CloudFormation's resources by address, for each provider, which has one region."""
    made: dict[tuple[str, ...], tuple[str, Node]] = {}
    for resource, place, values in applied_resources(state):
        if resource["type"] in NO_COUNTERPART:
            continue
        if resource["type"] not in KINDS:
            raise LookupError(f"{place}: cloudformation_kinds.py does not have its type")
        kind = KINDS[resource["type"]]
        identity = [values[attribute] for attribute in kind.identity] or [place]
        key = (resource["provider"], kind.name, *identity)
        _, whole = made.setdefault(key, (place, {"Type": kind.name, "Properties": {}}))
        properties = whole["Properties"]
        for name, value in _Converter(place, kind).properties(values).items():
            earlier = properties.get(name)
            properties[name] = [*earlier, *value] if isinstance(earlier, list) else value
    providers: dict[str, dict[str, Node]] = defaultdict(dict)
    for (provider, *_), (place, whole) in made.items():
        providers[provider][place] = whole
    return providers


def _lint(resources: dict[str, Node]) -> Iterator[str]:
    addresses = {f"R{number}": place for number, place in enumerate(resources)}
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {name: resources[place] for name, place in addresses.items()},
    }
    for match in lint(json.dumps(document), rules=_rules(), regions=list(REGIONS)):
        _, name, _, *path = [*map(str, match.path), "", "", ""]
        at = ".".join(filter(None, (addresses.get(name), *path)))
        yield f"{at}: {match.message} ({match.rule.id})"


def _quotas(resources: dict[str, Node]) -> Iterator[str]:
    """Quotas that cfn-lint does not check.

    Source: "IAM and AWS STS quotas" of the IAM User Guide; "Tagging AWS Resources and Tag Editor".
    """
    inline: Counter[str] = Counter()
    for place, resource in resources.items():
        properties = resource["Properties"]
        if len(properties.get("Tags", ())) > MOST_TAGS:
            yield f"{place}.Tags: over {MOST_TAGS} tags (size)"
        if resource["Type"] == "AWS::IAM::RolePolicy":
            text = json.dumps(properties["PolicyDocument"], separators=(",", ":"))
            inline[properties["RoleName"]] += len(text)
            if inline[properties["RoleName"]] > INLINE_POLICIES:
                yield f"{place}.PolicyDocument: its role has over {INLINE_POLICIES} letters (size)"


@cache
def _rules() -> RulesCollection:
    return get_rules([], list(IGNORED), ["I"], include_experimental=True)


class _Converter:
    """Names and shapes a resource's values as CloudFormation's schema of its type does."""

    def __init__(self, place: str, kind: Kind) -> None:
        self._place, self._kind = place, kind
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGIONS[0], kind.name).schema
        answered = schema.get("readOnlyProperties", ())
        own = {
            name: node
            for name, node in schema["properties"].items()
            if f"/properties/{name}" not in answered
        }
        self._schema: Node = schema | {"properties": own}

    def properties(self, values: Values) -> Node:
        kind, values = self._kind, self._kind.arranged(values)
        if not kind.within:
            return self._object(self._schema, values, "")
        identity = {key: value for key, value in values.items() if key in kind.identity}
        others = {key: value for key, value in values.items() if key not in kind.identity}
        inner = self._object(self._property(self._schema, kind.within), others, "")
        return self._object(self._schema, identity, "") | {kind.within: inner}

    def _object(self, node: Node, values: Values, at: str) -> Node:
        made: Node = {}
        for attribute, value in values.items():
            path = f"{at}{attribute}"
            if value in (None, "", [], {}) or self._kind.unset.get(path, ...) == value:
                continue
            name = self._name(node, path)
            if name == INLINE:
                for block in value if isinstance(value, list) else ():
                    made |= self._object(node, block, f"{path}.")
            elif name is not None:
                made[name] = self._value(self._property(node, name), value, f"{path}.")
            elif attribute not in NO_PROPERTY and path not in self._kind.without:
                raise LookupError(
                    f"{self._place}: {self._kind.name} has no property for {path}, which is "
                    f"{value!r}; add it to cloudformation_kinds.py"
                )
        return made

    def _name(self, node: Node, path: str) -> str | None:
        """The property of an attribute, by the tables, or by its name: `rule` may be `Rules`."""
        given = self._kind.identity.get(path, self._kind.names.get(path))
        if given is not None:
            return given
        plain = path.split(".")[-1].replace("_", "")
        prefix = self._kind.name.split("::")[-1].lower()
        wanted = (plain, f"{plain}s", f"{prefix}{plain}")
        return next((name for name in node["properties"] if name.lower() in wanted), None)

    def _value(self, node: Node, value: Any, at: str) -> Any:
        types = node.get("type", "object")
        match value:
            case str() if "object" in types:
                return json.loads(value)
            case str() if "array" in types:
                return [value]
            case str() if "number" in types:
                return float(value)
            case dict() if "array" in types:
                key = "Key" if "Key" in self._resolved(node["items"])["properties"] else "Name"
                return [{key: name, "Value": one} for name, one in value.items()]
            case [dict(), *_] if "array" in types:
                return [self._object(self._resolved(node["items"]), one, at) for one in value]
            case [dict() as block]:
                return self._object(node, block, at)
        return value

    def _property(self, node: Node, name: str) -> Node:
        return self._resolved(node["properties"][name])

    def _resolved(self, node: Node) -> Node:
        while "$ref" in node:
            node = self._schema["definitions"][node["$ref"].split("/")[-1]]
        return node
