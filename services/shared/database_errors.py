"""What a database's error may tell: its SQLSTATE and constraint, and its own sentence without the detail."""


def sqlstate_of(error: BaseException) -> str | None:
    """Return the SQLSTATE that PostgreSQL gave, from whichever floor's error carries it."""
    return getattr(original_of(error), "sqlstate", None)


def constraint_of(error: BaseException) -> str | None:
    """Return the name of the constraint that an error is about; its text would repeat the value."""
    return getattr(original_of(error), "constraint_name", None)


def message_of(error: BaseException) -> str:
    """Return PostgreSQL's own sentence, without its detail; of most classes of error it may repeat a value."""
    return str(getattr(original_of(error), "message", ""))


def original_of(error: BaseException) -> BaseException:
    """Return the driver's own error from under SQLAlchemy's two layers, whose wrapping alone has an `orig`."""
    original = getattr(error, "orig", None)
    return (original.__cause__ or original) if isinstance(original, BaseException) else error
