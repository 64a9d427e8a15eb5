"""How contracts behave: strict at the edges, tolerant in storage, money in micro-dollars, time in UTC."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

# A contract means the same wherever it is checked: no package that happens to be installed may put its code around that. And to look
# for such plugins, pydantic would read what every installed package says of itself, at the first validation of every process.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

SCHEMA_VERSION = 1
"""The version that stored documents and packages carry. Raise it with an upcast (``shared/record.py``), never silently."""


class Contract(BaseModel):
    """A message between two parties: immutable, and an unknown field is an error.

    Its validator is built at its first use (``defer_build``; pydantic locks that): a process pays for the contracts that it speaks, not
    for all that it can name. So a default that is a contract itself is made by ``model_construct()``, which needs no validator.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants", allow_inf_nan=False, defer_build=True)


class Stored(BaseModel):
    """A document that outlives a deployment: it carries its version and keeps fields that a newer version wrote."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False, defer_build=True)

    schema_version: int = SCHEMA_VERSION


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs a zone; write it in UTC, for instance 2026-01-31T12:00:00Z")
    return value.astimezone(UTC)


Timestamp = Annotated[datetime, AfterValidator(_utc)]
"""A moment, in UTC."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hexadecimal."""

MicroUsd = Annotated[int, Field(ge=0, le=10**15)]
"""Money inside the system: millionths of a US dollar, as an integer."""


def as_written(amount: object) -> object:
    """An amount that says to everybody what it says to Python, which reads ``1_5`` as 15. Raises ``ValueError``."""
    if isinstance(amount, str) and ("_" in amount or not amount.isascii()):
        raise ValueError("an amount is written with digits and a point alone, for instance 0.50")
    return amount


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$")]
"""A name for a knowledge space or session: lower-case letters, digits, ``-`` and ``_``, at most 64."""

LocalId = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,4}[0-9]+(?:\.[0-9]+)?$")]
"""An id inside one package (``q1``, ``c3``, ``e12``, ``v4``): the same in two equal runs, and never shown to the reader."""

Scalar = int | float | str | bool | None
"""What a single recorded value may be."""
