"""Whom a finding and a sentence speak of, in the same words: the rows where "species is Gentoo" are what a text calls "Gentoo penguins"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from functions.fusion.measures import name_key, plain
from schemas.analysis import FileDescription
from schemas.assertion import Assertion

_CONDITION = re.compile(r"(?P<column>.+?) is (?P<value>(?!not |below |above |at most |at least |from ).+)")


def row_words(files: Iterable[FileDescription]) -> frozenset[str]:
    """Words that name the rows or the groups themselves: of the files, their tables, and the columns that hold groups."""
    names: list[str] = []
    for file in files:
        names.append(file.file.rsplit("/", 1)[-1].rsplit(".", 1)[0])
        for table in file.tables:
            names += [table.name, *(c.name for c in table.columns if c.role == "category")]
    return frozenset(word for name in names for word in (name_key(plain(name)) or "").split())


def time_columns(files: Iterable[FileDescription]) -> frozenset[str]:
    """The columns whose conditions are a period, and no population."""
    return frozenset(c.name for file in files for table in file.tables for c in table.columns if c.role == "time")


def with_entity(found: Assertion, times: frozenset[str]) -> Assertion:
    """A finding over the rows with one value of one column is about that value; conditions on time stand in its period."""
    if found.entity is not None or found.population is None or found.period is None:
        return found
    conditions = [c for c in found.population.split(" and ") if c.split(" is ", 1)[0] not in times]
    match = _CONDITION.fullmatch(conditions[0]) if len(conditions) == 1 else None
    if not conditions:
        return found.model_copy(update={"population": None})
    if match is None or " or " in match["value"]:
        return found
    return found.model_copy(update={"entity": match["value"], "population": None})


def without_row_words(stated: Assertion, rows: frozenset[str]) -> Assertion:
    """A sentence about "Gentoo penguins" is about Gentoo, where penguins are the rows."""
    if stated.entity is None:
        return stated
    kept = [word for word in stated.entity.split() if (name_key(word) or "") not in rows]
    return stated.model_copy(update={"entity": " ".join(kept) or None})
