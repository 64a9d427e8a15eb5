"""The one table of commands. ``kimera --help`` prints it, and only the module of the command that was typed is imported.

A new command is one module with a ``typer.Typer`` called ``app``, and one row.
"""

from __future__ import annotations

from typing import NamedTuple

INTERRUPTED = 130
"""The exit code of a process that its user interrupted (128 + SIGINT), as shells have it."""


class Command(NamedTuple):
    """One command: ``module`` holds its ``app``."""

    name: str
    module: str
    summary: str


GROUPS: tuple[tuple[str, tuple[Command, ...]], ...] = (
    (
        "A mission on this machine",
        (Command("run", "cli.run", "Ask a question about data and documents, watch, and get the report."),),
    ),
    (
        "A platform, and missions on it",
        (
            Command("serve", "cli.serve", "Run the platform on this machine: HTTP API and inbox folder."),
            Command("submit", "cli.submit", "Hand a mission to a running platform and come back at once."),
            Command("status", "cli.status", "Say where a mission stands."),
            Command("watch", "cli.watch", "Follow a mission until it ends."),
            Command("report", "cli.report", "Print or save a mission's report."),
            Command("open", "cli.open", "Open a mission's report in the browser."),
            Command("list", "cli.list", "List missions, newest first."),
            Command("cancel", "cli.cancel", "Stop a mission; what it has so far is fused into a report."),
            Command("delete", "cli.delete", "Delete a mission that has ended, with everything it wrote."),
            Command("backup", "cli.backup", "Copy the data folder, also while it is in use."),
        ),
    ),
    (
        "Looking behind",
        (
            Command("inspect", "cli.inspect", "Tell a mission's whole story in time order, failed or not."),
            Command("models", "cli.models", "List the models of the catalogue with their tiers and prices."),
            Command("costs", "cli.costs", "Say what a mission or a day has cost, and what is left of the day's cap."),
            Command("telemetry", "cli.telemetry", "Show the dashboards' figures: success, latency, cost, errors, tokens."),
            Command("dead-letters", "cli.dead_letters", "Look at what could not be delivered; replay or discard it."),
            Command("audit", "cli.audit", "Verify the audit chains."),
            Command("doctor", "cli.doctor", "Say what is installed, configured and reachable, and what to do."),
        ),
    ),
    (
        "Knowledge, contracts, quality",
        (
            Command("space", "cli.space", "Add documents to a knowledge space, search it, remove some."),
            Command("schemas", "cli.schemas", "Export the contracts, or check them against the released ones."),
            Command("bench", "cli.bench", "Measure the quality of answers on a suite of tasks."),
            Command("drill", "cli.drill", "Hurt a platform on purpose, and check that it keeps its promises."),
            Command("workflows", "cli.workflows", "Run, check, draw, test or serve any Google Cloud Workflows definition."),
            Command("package", "cli.package", "Build the functions' source archives, as they are deployed."),
        ),
    ),
)


def find(name: str) -> Command | None:
    """The command called ``name``."""
    return next((command for _, commands in GROUPS for command in commands if command.name == name), None)


def all_names() -> list[str]:
    """The names of all commands."""
    return [command.name for _, commands in GROUPS for command in commands]


def help_text() -> str:
    """What ``kimera --help`` prints."""
    lines = [
        "KIMERA runs missions: a question with data and documents becomes one report",
        "whose every claim and figure can be traced.",
        "",
        "usage: kimera COMMAND [OPTIONS]",
    ]
    for title, commands in GROUPS:
        lines += ["", f"{title}:"] + [f"  {command.name:<12} {command.summary}" for command in commands]
    lines += [
        "",
        'Begin with:  kimera run "How did the price develop by region?" --data sales.csv --docs reports/',
        "`kimera COMMAND --help` shows a command's options. Data lives in $KIMERA_HOME (default: .kimera/ in this folder).",
        "Exit codes: 0 done, 1 the mission failed, 2 bad input, 3 something needed is not available.",
    ]
    return "\n".join(lines)
