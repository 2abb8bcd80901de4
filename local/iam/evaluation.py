"""IAM's decision about one permission within one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-single-account.html
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from local.iam.matching import Context
from local.iam.policy import Element, Statement


@dataclass(frozen=True)
class Demand:
    """One permission that a request needs. A resource of None is not known."""

    action: str
    resource: str | None
    context: Context = field(default_factory=dict)


class UnknownRequestError(Exception):
    """Which permission a request needs is not known here; the message says of which one."""


@dataclass(frozen=True)
class Principal:
    """Who asks: all names by which a resource policy may mean them, the narrowest first.

    A role's session is `AWS:<session ARN>`, `AWS:<role ARN>`, `AWS:<ARN of the account's root>`.
    """

    names: tuple[str, ...]

    @classmethod
    def session(cls, session_arn: str, role_arn: str) -> "Principal":
        root = f"arn:aws:iam::{role_arn.split(':')[4]}:root"
        return cls((f"AWS:{session_arn}", f"AWS:{role_arn}", f"AWS:{root}"))

    @classmethod
    def service(cls, name: str) -> "Principal":
        return cls((f"Service:{name}",))


@dataclass(frozen=True)
class Policies:
    """What applies to a principal and a resource. A boundary of None is no boundary.

    With `resource_must_allow` (KMS keys) identity policies count only as far as the resource's
    policy leaves the decision to the account.
    """

    identity: tuple[Statement, ...] = ()
    boundary: tuple[Statement, ...] | None = None
    resource: tuple[Statement, ...] = ()
    resource_must_allow: bool = False


@dataclass(frozen=True)
class Decision:
    """Whether it is allowed, and by which statement, or why not."""

    allowed: bool
    reason: str


def decide(demand: Demand, principal: Principal, policies: Policies) -> Decision:
    """Deny where a statement denies or none allows."""
    identity = _applying(policies.identity, demand)
    boundary = _applying(policies.boundary or (), demand)
    resource = [
        one
        for one in _applying(policies.resource, demand)
        if one.principals and _named(one.principals, principal, one.allows)
    ]
    kinds = {
        "an identity-based policy": identity,
        "a permissions boundary": boundary,
        "a resource-based policy": resource,
    }
    for kind, statements in kinds.items():
        if any(not one.allows for one in statements):
            return Decision(False, f"with an explicit deny in {kind}")
    if direct := _granting(resource, principal, 0):
        return Decision(True, direct)
    bounded = policies.boundary is not None and not boundary
    if (role := _granting(resource, principal, 1)) and not bounded:
        return Decision(True, role)
    if policies.resource_must_allow and not resource:
        return _implicit("resource-based policy", demand)
    if not identity:
        return _implicit("identity-based policy", demand)
    if bounded:
        return _implicit("permissions boundary", demand)
    return Decision(True, identity[0].name)


def _applying(statements: Iterable[Statement], demand: Demand) -> list[Statement]:
    return [s for s in statements if s.applies(demand.action, demand.resource, demand.context)]


def _named(principals: Element, principal: Principal, allows: bool) -> bool:
    """NotPrincipal spares only who is listed by every name, and never allows."""
    if principals.negated:
        return not allows and not set(principal.names) <= set(principals.values)
    return "*" in principals.values or bool(set(principal.names) & set(principals.values))


def _granting(statements: list[Statement], principal: Principal, place: int) -> str:
    """Name of a statement that allows the principal by the name at a place, or by `*`.

    What is granted to a session or to everybody passes by the boundary; what is granted to the
    role does not; what is granted to the account is for its identity policies to give on.
    """
    wanted = {"*", principal.names[0]} if place == 0 else set(principal.names[1:2])
    return next(
        (one.name for one in statements if one.principals and wanted & set(one.principals.values)),
        "",
    )


def _implicit(kind: str, demand: Demand) -> Decision:
    return Decision(False, f"because no {kind} allows the {demand.action} action")
