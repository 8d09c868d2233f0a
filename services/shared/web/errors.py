"""Trouble that only a request over HTTP can have; `problems` holds its statuses beside those of the four kinds."""

from services.shared.errors import ExpectedError, Forbidden
from services.shared.identity.actor import Actor


class Unauthenticated(ExpectedError):
    """No token, or one that does not hold."""

    code = "unauthenticated"


class UnknownBearer(Forbidden):
    """The token holds, but names nobody who is served here; `bearer` is whom the trail names, there being no actor."""

    def __init__(self, detail: str, *, code: str, bearer: Actor) -> None:
        super().__init__(detail, code=code)
        self.bearer = bearer


class UnsupportedMediaType(ExpectedError):
    """The body is of a kind, an encoding or a compression that the operation does not take."""

    code = "unsupported_media_type"


class BodyTooLarge(ExpectedError):
    """The body is larger than is taken, as it came or once its compression is undone."""

    code = "body_too_large"


class PreconditionRequired(ExpectedError):
    """An amendment must say, by `If-Match`, which version it amends."""

    code = "if_match_required"


class TooManyRequests(ExpectedError):
    """The caller's share of requests is used up; `retry_after` is in whole seconds."""

    code = "too_many_requests"

    def __init__(self, *, retry_after: int, policy: str) -> None:
        super().__init__(f"no more than {policy} requests; try again in {retry_after} s")
        self.retry_after = retry_after
