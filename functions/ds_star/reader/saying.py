"""The reading, said: an ``OperationSpec`` as one line that a person can check."""

from __future__ import annotations

from collections.abc import Iterable

from functions.ds_star.operation import Filter, OperationSpec
from functions.ds_star.reader.views import View


def say(spec: OperationSpec, view: View) -> str:
    """``mean(temp_c) by year and station, where city = Bern``."""
    per = _period(spec)
    inner = spec.measure or (f"different {spec.entity}" if spec.operation == "count" and spec.entity else "rows")
    aggregate = inner if spec.statistic == "count" and not spec.measure else f"{spec.statistic}({inner})"
    groups = [*spec.by, *([per] if per else [])]
    if spec.operation == "count":
        said, groups = f"count({inner})", groups
    elif spec.operation in ("sum", "mean", "median", "minimum", "maximum"):
        said = f"{spec.operation}({inner})"
    elif spec.operation == "share":
        part = " and ".join(map(_condition, spec.share_of))
        said = f"share of {part}" if part else "share of each group"
        said += f" in {spec.measure}" if spec.measure else f" among different {spec.entity}" if spec.entity else ""
    elif spec.operation == "top_n":
        ranked = f"different {spec.entity}" if spec.entity else "rows" if spec.statistic == "count" and not spec.measure else aggregate
        said = f"the {'highest' if spec.descending else 'lowest'} {spec.n} of {ranked}"
        said = f"{ranked} {'above' if spec.descending else 'below'} that of {spec.than}" if spec.than else said
    elif spec.operation == "correlation":
        said = f"correlation({spec.measure}, {spec.second_measure})"
    elif spec.operation == "ratio":
        said = f"sum({spec.measure}) / sum({spec.second_measure})"
    elif spec.operation == "lookup":
        said = f"the value of {spec.measure}"
    elif spec.operation == "change":
        first, last = (p.replace("/", " to ") for p in spec.periods)
        said, groups = f"change of {aggregate} from {first} to {last} in {spec.time}", list(spec.by)
        said += _ranking(spec)
        said += f" set against {spec.than}" if spec.than else ""
    elif spec.operation in ("trend", "trend_difference"):
        said = f"{'trend' if spec.operation == 'trend' else 'difference in trends'} of {aggregate} over {per or spec.time}"
        said += _ranking(spec)
        groups = list(spec.by)
    elif spec.operation == "compare_groups":
        is_number = spec.measure is None or view.by_name[spec.measure].is_numeric
        said = f"comparison of {aggregate if is_number else inner}"
    else:
        said = f"{spec.operation.replace('_', ' and ')}({spec.measure or 'every column'})"
    by = f" by {' and '.join(groups)}" if groups else ""
    unit = f" per {spec.entity} first" if spec.entity and spec.operation in ("compare_groups", "trend_difference") else ""
    where = f", where {conditions(spec.filters)}" if spec.filters else ""
    return said + by + unit + where


def conditions(filters: Iterable[Filter]) -> str:
    """``city = Bern and year = 2020``."""
    return " and ".join(map(_condition, filters))


def _ranking(spec: OperationSpec) -> str:
    """How the changes of groups are ranked, where they are."""
    if not spec.ranked_by:
        return ""
    how = "per cent" if spec.ranked_by == "per_cent" else "absolute terms"
    return f" in {how}, {'highest' if spec.descending else 'lowest'} first,"


def _period(spec: OperationSpec) -> str | None:
    if spec.time is None:
        return None
    return spec.time if spec.grain is None or spec.grain == spec.time else f"{spec.grain} of {spec.time}"


def _condition(condition: Filter) -> str:
    values = " and ".join(map(str, condition.values)) if condition.op in ("between", "outside") else ", ".join(map(str, condition.values))
    op = "=" if condition.op == "==" else condition.op
    return f"{condition.column} {op} {values}"
