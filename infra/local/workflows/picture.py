"""Draws a definition as a Mermaid flow chart: one box per step, one frame per workflow and per block inside a step."""

from __future__ import annotations

from infra.local.workflows.build_actions import kind_of
from infra.local.workflows.syntax import Block, Call, Program, Raise, Return, Step, Switch, closed_blocks, inner_blocks


def mermaid(program: Program) -> str:
    """The text of the chart."""
    picture = _Picture()
    for routine in program.routines.values():
        picture.frame(routine.name, routine.body)
    return "\n".join(["flowchart TD", *picture.lines]) + "\n"


class _Picture:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.frames = 0

    def frame(self, title: str, block: Block, prefix: str = "") -> None:
        self.frames += 1
        self.lines.append(f"subgraph f{self.frames}[{_quoted(title)}]")
        path = prefix or title
        for step in block:
            self.step(step, path)
        for step, following in zip(block, [*block[1:], None], strict=True):
            self.arrows(step, following, path)
        self.lines.append("end")

    def step(self, step: Step, path: str) -> None:
        name = _identifier(path, step.name)
        label = _quoted(f"{step.name}: {_label(step)}")
        self.lines.append(f"{name}{{{{{label}}}}}" if isinstance(step.action, Switch) else f"{name}[{label}]")
        for position, block in enumerate((*inner_blocks(step.action), *closed_blocks(step.action))):
            if block and not (len(block) == 1 and block[0].implied):
                self.frame(step.name if position == 0 else f"{step.name} ({position + 1})", block, path)

    def arrows(self, step: Step, following: Step | None, path: str) -> None:
        start = _identifier(path, step.name)
        if isinstance(step.action, Switch):
            for choice in step.action.choices:
                if choice.next is not None:
                    self.lines.append(
                        f"{start} -->|{_quoted(getattr(choice.condition, 'text', 'always'))}| {_identifier(path, choice.next)}"
                    )
        if step.next is not None:
            self.lines.append(f"{start} --> {_identifier(path, step.next)}")
        elif following is not None and not isinstance(step.action, (Return, Raise)):
            self.lines.append(f"{start} --> {_identifier(path, following.name)}")


def _label(step: Step) -> str:
    return f"call {step.action.function}" if isinstance(step.action, Call) else kind_of(step.action)


def _identifier(path: str, step: str) -> str:
    return "".join(character if character.isalnum() and character.isascii() else f"_{ord(character):x}_" for character in f"{path}.{step}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\n", " ").replace('"', "#quot;") + '"'
