"""The kinds of expected trouble, which know no HTTP; `web.problems` holds the one table from kind to status.

A message may name a field, a row or a rule; it never repeats a personal value.
"""

from services.shared.law.findings import Finding


class ExpectedError(Exception):
    """The common root of trouble that a caller can mend; `code` is stable and machine-readable."""

    code = "expected_error"

    def __init__(self, detail: str, *, code: str | None = None, pointer: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.pointer = pointer


class NotFound(ExpectedError):
    """There is no such thing, or it is not the caller's to know of."""

    code = "not_found"


class Invalid(ExpectedError):
    """The request cannot be understood or breaks a rule of form; `pointer` names the field (JSON pointer)."""

    code = "invalid"


class Conflict(ExpectedError):
    """The request is well formed but the record stands otherwise."""

    code = "conflict"


class Stale(Conflict):
    """The caller amended a version that is no longer the newest."""

    code = "stale_version"


class Refused(ExpectedError):
    """A rule forbids the act; the finding carries its code and legal source, so that the refusal explains itself."""

    code = "refused"

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail, code=finding.code)
        self.finding = finding


class BadRequest(ExpectedError):
    """The request is malformed: broken JSON, a broken cursor, a header that is missing or not of its form."""

    code = "bad_request"


class Forbidden(ExpectedError):
    """The caller may not do this, whoever may."""

    code = "forbidden"


class Unavailable(ExpectedError):
    """Something that the service stands on does not answer just now; the same request may succeed in a moment."""

    code = "unavailable"
