"""The runner that the policies stand on: nothing that a program declares, or fails at, passes it by."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pulumi_gcp as gcp
import pytest

from infra.pulumi.configuration import read_settings
from tests.infrastructure.declared import SMALL, Stack, run


def declared_by(program: Callable[[], object]) -> Stack:
    def exporting_nothing() -> dict[str, object]:
        program()
        return {}

    return run(exporting_nothing, read_settings(SMALL), ())


def test_a_resource_that_waits_for_another_is_seen() -> None:
    def program() -> None:
        account = gcp.serviceaccount.Account("a", account_id="someone", project="p")
        gcp.projects.IAMMember("b", project="p", role="roles/x", member=pulumi.Output.concat("serviceAccount:", account.email))

    (member,) = declared_by(program).of("IAMMember")
    assert member.inputs["member"] == "serviceAccount:someone@p.iam.gserviceaccount.com"


def test_a_resource_made_in_a_callback_is_seen() -> None:
    def program() -> None:
        first = gcp.pubsub.Topic("first", name="t")
        first.name.apply(lambda name: gcp.pubsub.Topic("second", name=f"{name}-2"))

    assert [topic.inputs["name"] for topic in declared_by(program).of("Topic")] == ["t", "t-2"]


def test_an_input_that_stays_unknown_fails() -> None:
    def program() -> None:
        topic = gcp.pubsub.Topic("t", name="t")
        gcp.pubsub.Topic("u", name=pulumi.Output.concat("beside-", topic.kms_key_name))

    with pytest.raises(AssertionError, match="Topic u has an input that stays unknown"):
        declared_by(program)


def test_what_fails_in_a_callback_fails_the_test() -> None:
    def program() -> None:
        topic = gcp.pubsub.Topic("t", name="t")
        gcp.pubsub.Topic("u", name=topic.name.apply(lambda name: {}[name]))

    with pytest.raises(KeyError):
        declared_by(program)


def test_protection_is_seen() -> None:
    def program() -> None:
        gcp.pubsub.Topic("kept", opts=pulumi.ResourceOptions(protect=True))
        gcp.pubsub.Topic("not-kept")

    assert {topic.name: topic.protect for topic in declared_by(program).of("Topic")} == {"kept": True, "not-kept": False}


def test_a_question_to_the_provider_is_not_answered_with_anything() -> None:
    with pytest.raises(Exception, match="gcp:organizations/getProject:getProject"):
        declared_by(lambda: gcp.organizations.get_project(project_id="p"))
