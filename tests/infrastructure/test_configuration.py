"""The stack's configuration: defaults for a small start and a large one, and all mistakes named at once."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from infra.pulumi.configuration import KEYS, SIZES, ConfigurationError, Models, read_settings
from tests.infrastructure.declared import SMALL

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(ROOT.glob("infra/pulumi/examples/Pulumi.*.yaml"))
LEAST = {key: SMALL[key] for key in ("gcp:project", "gcp:region", "kimera:neo4jUri")}


def test_three_values_make_a_small_stack() -> None:
    settings = read_settings(LEAST)
    assert settings.size == SIZES["small"]
    assert (settings.prefix, settings.models, settings.users) == ("kimera", Models.VERTEX, ())
    assert settings.protect and not settings.lock_audit


def test_who_reads_the_graph_is_who_writes_it_where_nobody_else_is_named() -> None:
    one, two = {**LEAST, "kimera:neo4jUser": "kimera"}, {**LEAST, "kimera:neo4jReader": "reader"}
    assert [(s.neo4j_user, s.neo4j_reader) for s in map(read_settings, (one, two))] == [("kimera", "kimera"), ("neo4j", "reader")]


def test_a_size_is_a_start_that_each_value_can_leave() -> None:
    settings = read_settings({**LEAST, "kimera:size": "large", "kimera:maxRunning": "20", "kimera:dayBudgetUsd": "2.50"})
    assert settings.size.max_running == 20
    assert settings.size.max_instances == SIZES["large"].max_instances
    assert settings.day_budget_usd == Decimal("2.50")


def test_every_mistake_is_named_at_once_with_what_to_do() -> None:
    wrong = {
        "gcp:region": "Europe",
        "kimera:neo4jUri": "bolt://localhost",
        "kimera:size": "huge",
        "kimera:users": '["allUsers", "user:me@example.org"]',
        "kimera:alertEmails": "me@example.org",
        "kimera:maxRunning": "many",
        "kimera:budgetUsd": "-1",
        "kimera:lockAudit": "perhaps",
        "kimera:models": "gpt",
        "kimera:sandboxImage": "sandbox:latest",
        "kimera:regoin": "x",
        "kimera:maxRuning": "3",
    }
    with pytest.raises(ConfigurationError) as raised:
        read_settings(wrong)
    message = str(raised.value)
    assert "pulumi config set gcp:project" in message
    for key in wrong:
        assert key in message, key
    assert "did you mean kimera:maxRunning?" in message
    assert "'allUsers'; it has to be user:, group:" in message
    assert "pulumi config set --path 'kimera:alertEmails[0]' VALUE" in message
    assert "kimera:size is 'huge'; possible: small, large" in message


@pytest.mark.parametrize("prefix", ["K", "1st", "kim", "kimera-", "fifteen-letters", "under_score"])
def test_a_prefix_that_would_break_a_name_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="4 to 14 small letters"):
        read_settings({**LEAST, "kimera:prefix": prefix})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_used_as_it_is(example: Path) -> None:
    config = yaml.safe_load(example.read_text(encoding="utf-8"))["config"]
    settings = read_settings({key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()})
    assert settings.size == SIZES[example.name.split(".")[1]]
    assert {key for key in config if key.startswith("kimera:")} <= set(KEYS)


def test_there_is_an_example_for_each_size() -> None:
    assert [path.name for path in EXAMPLES] == [f"Pulumi.{size}.yaml" for size in sorted(SIZES)]
