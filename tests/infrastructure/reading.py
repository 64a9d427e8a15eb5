"""What the policies read out of a declared stack: its services, their names, accounts and variables, and what their inputs hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from functions.manifest import FunctionRow
from tests.infrastructure.declared import Resource, Stack


def services(stack: Stack) -> list[Resource]:
    """What serves requests: functions and containers (``Service`` is also the kind of an enabled API)."""
    return [*stack.of("Function"), *(r for r in stack.of("Service") if r.type.startswith("gcp:cloudrunv2/"))]


def row_of(stack: Stack, service: Resource) -> FunctionRow | None:
    """The row of the manifest that ``service`` serves; none, where the manifest has no such row."""
    return next((row for row in stack.manifest if service_of(stack, row) == service.inputs["name"]), None)


def service_of(stack: Stack, row: FunctionRow) -> str:
    """The name that the function or container of ``row`` is deployed under."""
    return f"{stack.settings.prefix}-{row.name.replace('_', '-')}"


def host_of(stack: Stack, row: FunctionRow) -> str:
    """The host of the address that ``row`` will have, which is known before it is deployed."""
    return f"{service_of(stack, row)}-123456789012.{stack.settings.region}.run.app"


def account_of(stack: Stack, row: FunctionRow | None) -> str:
    """The address of the account that ``row`` has for itself; nothing, without a row."""
    return f"{service_of(stack, row)}@{stack.settings.project}.iam.gserviceaccount.com" if row else ""


def runs_as(service: Resource) -> str:
    """The address of the account that ``service`` runs as, or that it has none of its own."""
    config = mapping(service.inputs.get("serviceConfig"))
    return str(config.get("serviceAccountEmail") or mapping(service.inputs.get("template")).get("serviceAccount") or "the default account")


def variables(service: Resource) -> Mapping[str, object]:
    """The variables of a function's environment; none, for a container."""
    return mapping(mapping(service.inputs.get("serviceConfig")).get("environmentVariables"))


def tokens(value: object) -> Iterator[Mapping[str, object]]:
    """Every token that is asked for anywhere in ``value``, as Google's ``oidcToken`` describes it."""
    if isinstance(value, Mapping):
        if isinstance(value.get("oidcToken"), Mapping):
            yield mapping(value["oidcToken"])
        for inner in value.values():
            yield from tokens(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from tokens(inner)


def texts(value: object) -> Iterator[str]:
    """Every text in ``value``, however deep; the names in its maps are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def mapping(value: object) -> Mapping[str, object]:
    """``value``, where it is a map; an empty one otherwise."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, object]]:
    """The items of a list, as maps; none, where ``value`` is no list."""
    return [mapping(item) for item in value] if isinstance(value, list) else []


def number(value: object) -> float:
    """``value`` as a number; zero, where it is absent."""
    return float(str(value)) if value is not None else 0.0


def seconds(value: object) -> float:
    """A duration such as ``180s``, in seconds; zero, where it is absent."""
    return number(str(value).removesuffix("s")) if value else 0.0


def shown(resource: Resource) -> str:
    """How a policy names ``resource`` to whoever reads what it found."""
    return f"{resource.type.partition(':')[2]} {resource.name}"
