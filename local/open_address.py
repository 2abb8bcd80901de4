"""The address at which deployed APIs take requests without a signature."""

import secrets

_PREFIX = "/_aws/open/"


class OpenAddress:
    """An address that only who was told it knows: its token is made anew for each run.

    It stands in for the signature that otherwise keeps web pages out of the local cloud.
    """

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(32)

    @property
    def path(self) -> str:
        """The path below which stages are, without a slash at its end."""
        return _PREFIX + self._token

    def below(self, path: str) -> str | None:
        """The part of a raw path below this address; None where the path is another one.

        >>> address = OpenAddress()
        >>> address.below(address.path + "/api/prod/models")
        'api/prod/models'
        >>> address.below("/_aws/open/guess/api/prod/models")
        """
        token, slash, rest = path.removeprefix(_PREFIX).partition("/")
        known = secrets.compare_digest(token.encode(), self._token.encode())
        return rest if known and slash and path.startswith(_PREFIX) else None
