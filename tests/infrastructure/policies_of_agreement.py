"""The policies of agreement: what is declared is what the code, its readers, and Google take it to be."""

from __future__ import annotations

import ast
import re
from collections import Counter

from functions.manifest import PYTHON
from infra.packaging.archive import CHECKOUT
from tests.infrastructure.declared import Stack
from tests.infrastructure.policies import policy
from tests.infrastructure.reading import mapping, service_of, services, shown, variables


@policy
def what_is_deployed_is_the_manifest(stack: Stack) -> list[str]:
    deployed = Counter(str(r.inputs["name"]) for r in services(stack))
    wanted = {service_of(stack, row): row for row in stack.manifest}
    found = [f"{name} is in the manifest, and not deployed" for name in sorted(wanted.keys() - deployed.keys())]
    found += [f"{name} is deployed, and not in the manifest" for name in sorted(deployed.keys() - wanted.keys())]
    found += [f"{name} is deployed {count} times" for name, count in deployed.items() if count > 1]
    for r in stack.of("Function"):
        row = wanted.get(str(r.inputs["name"]))
        if row is None:
            continue
        build, service = mapping(r.inputs["buildConfig"]), mapping(r.inputs["serviceConfig"])
        facts = {
            "entry point": (build.get("entryPoint"), row.entry_point),
            "runtime": (build.get("runtime"), f"python{PYTHON.replace('.', '')}"),
            "memory": (service.get("availableMemory"), f"{row.memory_mb}Mi"),
            "concurrency": (service.get("maxInstanceRequestConcurrency"), row.concurrency),
            "timeout": (service.get("timeoutSeconds"), row.timeout_s),
            "CPU that concurrency needs": (service.get("availableCpu"), "1"),
            "number of threads": (variables(r).get("THREADS"), str(row.concurrency)),
        }
        found += [f"{shown(r)}: the {what} is {is_}, not {should}" for what, (is_, should) in facts.items() if is_ != should]
    return found


@policy
def every_variable_is_a_setting(stack: Stack) -> list[str]:
    known = _known_variables()
    return [f"{shown(r)} sets {name}, which nobody reads" for r in stack.of("Function") for name in variables(r) if name not in known]


@policy
def every_view_reads_what_is_there(stack: Stack) -> list[str]:
    there = {str(r.inputs["tableId"]) for r in stack.of("Table")}
    found = []
    for r in stack.of("Table"):
        query = str(mapping(r.inputs.get("view")).get("query", ""))
        dataset = f"{stack.settings.project}.{stack.settings.prefix.replace('-', '_')}_telemetry."
        found += [f"{shown(r)} reads {name}" for name in re.findall(re.escape(dataset) + r"(\w+)", query) if name not in there]
        found += [f"{shown(r)} does not say which dataset it reads"] if query and (dataset not in query or "{dataset}" in query) else []
    return found + ([] if {"missions", "missions_once"} <= there else ["what missions did is nowhere"])


@policy
def every_objective_is_watched(stack: Stack) -> list[str]:
    goals = {str(r.inputs["sloId"]): r.inputs["goal"] for r in stack.of("Slo")}
    wanted = {"mission-success": 0.95, "availability": 0.995, "orchestration": 0.95}
    found = [] if goals == wanted else [f"the objectives are {goals}, not {wanted}"]
    for name in wanted:
        burning = [r for r in stack.of("AlertPolicy") if r.name.startswith(f"alert-{name}-")]
        if len(burning) != 2:
            found.append(f"{len(burning)} alerts watch {name}, not a fast and a slow one")
    found += [
        f"{shown(r)} reaches nobody"
        for r in stack.of("AlertPolicy")
        if stack.settings.alert_emails and not r.inputs.get("notificationChannels")
    ]
    return found + ([] if stack.of("Budget") or stack.settings.billing_account is None else ["no budget is declared"])


@policy
def every_google_account_is_there_before_it_is_named(stack: Stack) -> list[str]:
    """Cloud Storage's own account exists once somebody has asked for it, and no grant can name it before."""
    asked = "gcp:storage/getProjectServiceAccount:getProjectServiceAccount" in stack.asked
    return [
        f"{shown(r)} names an account that nobody asked for"
        for r in stack.of("IAMMember")
        if str(r.inputs["member"]).endswith("@gs-project-accounts.iam.gserviceaccount.com") and not asked
    ]


@policy
def every_name_is_one_that_google_takes(stack: Stack) -> list[str]:
    found = [
        f"{r.inputs['accountId']} is no account's id"
        for r in stack.of("Account")
        if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", str(r.inputs["accountId"]))
    ]
    for r in services(stack):
        label = f"{r.inputs['name']}-123456789012"
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,62}", label):
            found.append(f"{r.inputs['name']} has no address that is known beforehand: {label} is {len(label)} long")
    found += [
        f"{r.inputs['name']} is no database's id"
        for r in stack.of("Database")
        if not re.fullmatch(r"[a-z][a-z0-9-]{2,61}[a-z0-9]", str(r.inputs["name"]))
    ]
    return found + [
        f"{r.inputs['name']} is no bucket's name"
        for r in stack.of("Bucket")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", str(r.inputs["name"]))
    ]


def _known_variables() -> set[str]:
    """What the code reads from its environment, by the fields of its settings."""
    settings = ast.parse((CHECKOUT / "shared" / "settings.py").read_text(encoding="utf-8"))
    (of_settings,) = [node for node in settings.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
    fields = {f"KIMERA_{n.target.id.upper()}" for n in of_settings.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    endpoints = (CHECKOUT / "shared" / "models" / "credentials.py").read_text(encoding="utf-8")
    return fields | set(re.findall(r'"([A-Z][A-Z_]+)"', endpoints)) | {"THREADS"}  # the last is functions-framework's
