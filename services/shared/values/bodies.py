"""The bases of what is taken and what is answered."""

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """The base of every request model: frozen, strict, no field that is not named.

    An endpoint's body is validated from its own bytes, so that strict means what it means in JSON: a date, a UUID or an
    enumeration is text of that form, a number is a number. `fields` has the kinds of field that bodies share.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, str_strip_whitespace=True)


class ResponseBody(BaseModel):
    """The base of every response model: frozen, no defaults, read from attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
