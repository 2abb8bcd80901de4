"""CORS as S3 does it: by the rules of the bucket's configuration.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from moto.s3.models import s3_backends

from local.lambda_runtime.functions import ACCOUNT_ID
from local.wsgi import Environ, Response, raw_path

_VARY = ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")


@dataclass(frozen=True)
class Rule:
    """One rule of a bucket; origins and headers may have one `*` each."""

    methods: tuple[str, ...]
    origins: tuple[str, ...]
    allowed: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: str | None

    @classmethod
    def of(cls, rule: Any) -> "Rule":
        """From moto's."""
        return cls(
            methods=_many(rule.allowed_methods),
            origins=_many(rule.allowed_origins),
            allowed=tuple(name.lower() for name in _many(rule.allowed_headers)),
            exposed=_many(rule.exposed_headers),
            max_age=rule.max_age_seconds,
        )

    def allows(self, origin: str, method: str, headers: Iterable[str]) -> bool:
        """Whether a page of an origin may send a method with headers (in lower case)."""
        return (
            method in self.methods
            and any(_fits(one, origin) for one in self.origins)
            and all(any(_fits(one, name) for one in self.allowed) for name in headers)
        )

    def headers(self, environ: Environ) -> list[tuple[str, str]]:
        """Of the answer to a request that the rule allows."""
        if "*" in self.origins:
            found = [("Access-Control-Allow-Origin", "*")]
        else:
            found = [
                ("Access-Control-Allow-Origin", environ["HTTP_ORIGIN"]),
                ("Access-Control-Allow-Credentials", "true"),
            ]
        found.append(("Access-Control-Allow-Methods", ", ".join(self.methods)))
        if self.exposed:
            found.append(("Access-Control-Expose-Headers", ", ".join(self.exposed)))
        if self.max_age is not None:
            found.append(("Access-Control-Max-Age", self.max_age))
        return [*found, _VARY]


def matching_rule(environ: Environ) -> Rule | None:
    """The bucket's first rule that allows a request, or what a preflight asks for."""
    name = unquote(raw_path(environ).lstrip("/").partition("/")[0])
    bucket = s3_backends[ACCOUNT_ID]["aws"].buckets.get(name)
    origin, method = environ.get("HTTP_ORIGIN"), environ["REQUEST_METHOD"]
    if bucket is None or origin is None:
        return None
    if method == "OPTIONS":
        method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
    rules = map(Rule.of, bucket.cors)
    return next((one for one in rules if one.allows(origin, method, _requested(environ))), None)


def preflight_answer(rule: Rule, environ: Environ) -> Response:
    """What S3 answers to a preflight that a rule allows."""
    requested = _requested(environ)
    allowed = [("Access-Control-Allow-Headers", ", ".join(requested))] if requested else []
    return Response(200, b"", rule.headers(environ) + allowed)


def _requested(environ: Environ) -> list[str]:
    """The headers that a preflight asks for, in lower case."""
    given = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").lower().split(",")
    return [name.strip() for name in given if name.strip()]


def _fits(pattern: str, text: str) -> bool:
    """Whether a text is a pattern's, in which one `*` stands for anything.

    >>> _fits("https://*.example.com", "https://app.example.com")
    True
    >>> _fits("https://example.com", "https://example.com.evil.example")
    False
    """
    before, star, after = pattern.partition("*")
    if not star:
        return text == pattern
    long_enough = len(text) >= len(before) + len(after)
    return long_enough and text.startswith(before) and text.endswith(after)


def _many(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())
