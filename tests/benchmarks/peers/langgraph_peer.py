"""LangGraph with its SQLite checkpointer: every node is a durable step; ``durability="sync"`` is what survives a kill after each."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, TypedDict

from workload import STEPS, Fused, Result, asked, imported, measured, result_of

with imported("langgraph"):
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    status: str
    A: Annotated[list[Result], operator.add]
    B: Annotated[list[Result], operator.add]
    fused: Fused


def step_of(branch: str, number: int) -> Callable[[State], State]:
    return lambda _: {branch: [result_of(branch, number)]}  # type: ignore[return-value, misc]  # the key is one of the state's


def workflow() -> StateGraph[State]:
    graph = StateGraph(State)
    graph.add_node("submit", lambda _: {"status": "PENDING"})
    graph.add_node("fusion", lambda state: {"fused": {"A": state["A"], "B": state["B"]}})
    graph.add_node("done", lambda _: {"status": "DONE"})
    graph.add_edge(START, "submit")
    for branch in "AB":
        before = "submit"
        for number in range(1, STEPS + 1):
            graph.add_node(f"{branch}{number}", step_of(branch, number))
            graph.add_edge(before, f"{branch}{number}")
            before = f"{branch}{number}"
    graph.add_edge([f"A{STEPS}", f"B{STEPS}"], "fusion")
    graph.add_edge("fusion", "done")
    graph.add_edge("done", END)
    return graph


given = asked()
with SqliteSaver.from_conn_string(str(given.folder / "langgraph.db")) as saver:
    saver.setup()
    saver.conn.execute("PRAGMA synchronous = FULL")
    compiled = workflow().compile(checkpointer=saver)

    def run(mission: str) -> Fused:
        ended = compiled.invoke({"status": "NEW"}, {"configurable": {"thread_id": mission}}, durability="sync")
        fused: Fused = ended["fused"]
        return fused

    measured("LangGraph, SqliteSaver", given, run)
