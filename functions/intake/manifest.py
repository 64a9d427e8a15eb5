"""A mission manifest: the keys of a ``MissionRequest``, and its files as ``data:`` and ``docs:``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from schemas.mission import MissionRequest
from shared.documents import Json
from shared.errors import BadInput
from shared.http import parse
from shared.json_keys import loads_json
from shared.models.credentials import ModelEndpoints
from shared.models.selection import select
from shared.settings import Settings
from shared.yaml_keys import UniqueKeys

NAMES = ("mission.yaml", "mission.yml", "mission.json")
MAX_BYTES = 1 << 20
_REMEDY = "See `kimera submit --help` for what a mission takes; the keys are question, data, docs, knowledge_space, tier, budget, ..."


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that is valid but for its files, which may not be there yet. They are named relative to its folder."""

    request: MissionRequest
    data: tuple[str, ...]
    documents: tuple[str, ...]


def is_manifest(name: str) -> bool:
    """Whether an object ``folder/file`` is one."""
    folder, _, file = name.partition("/")
    return bool(folder) and file in NAMES


def read_manifest(name: str, raw: bytes, settings: Settings, endpoints: ModelEndpoints) -> Manifest:
    """Raises ``BadInput`` that says what is wrong, in one or a few sentences."""
    if len(raw) > MAX_BYTES:
        raise BadInput(f"{name} has more than {MAX_BYTES} bytes.", remedy="Put long texts into files and name them under docs.")
    content = _parsed(name, raw)
    if not isinstance(content, dict):
        raise BadInput(f"{name} holds no keys.", remedy=_REMEDY)
    if "inputs" in content:
        raise BadInput("In the inbox, files are named under data and docs, not under inputs.", remedy=_REMEDY)
    if not isinstance(content.get("budget", {}), dict):
        raise BadInput("budget has to say its cap in US dollars, under cap_usd.", remedy='For instance:  budget: {cap_usd: "0.50"}')
    data, documents = (_names(key, content.pop(key, ())) for key in ("data", "docs"))
    usual = select(settings, endpoints)
    model = usual.model.model_dump(mode="json") if usual.model and "tier" not in content else None
    defaults = {"tier": str(usual.tier), "model": model, "budget": {"cap_usd": str(settings.budget_usd)}}
    try:
        body = json.dumps({**defaults, **content}, default=str)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} holds what JSON cannot: {error}.", remedy=_REMEDY) from error
    return Manifest(parse(MissionRequest, body), data, documents)


def _parsed(name: str, raw: bytes) -> Json:
    try:
        if name.endswith(".json"):
            found = loads_json(raw)
        else:
            found = yaml.load(raw, Loader=_Plain)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{name} cannot be read: {' '.join(str(error).split())[:300]}.", remedy="Correct it; it is read again.") from error
    return found


class _Plain(UniqueKeys):
    """YAML without aliases: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken")
        return super().compose_node(parent, index)


def _names(key: str, given: Json | Sequence[str]) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise BadInput(f"{key} has to be a list of file names.", remedy=f"For instance:  {key}: [prices.csv]")
    for name in map(str, names):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not name.isprintable():
            raise BadInput(f"{key}: {name[:80]!r} lies outside of the mission's folder.", remedy="Copy it into the folder.")
    return tuple(str(PurePosixPath(str(name))) for name in names)
