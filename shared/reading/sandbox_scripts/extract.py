"""Runs in the sandbox: reads one document of the format ``parameters["format"]`` and writes its blocks, one JSON line each.

The blocks go to ``outputs/blocks.jsonl``; ``emit`` gets what is known of the document as a whole. A file that cannot be read is a
result as well: ``{"problem": code, "message": ...}``.
"""

import importlib
import json

from reading_problem import Problem

MAX_CHARS = 20_000_000


class Writer:
    """Writes blocks until the document's text is longer than we keep."""

    def __init__(self, stream):
        self.stream = stream
        self.chars = 0
        self.truncated = False

    def write(self, **block):
        """One block; see ``shared/reading/blocks.py`` for its fields."""
        size = sum(map(len, block.get("lines", ()))) + sum(len(cell) for row in block.get("rows", ()) for cell in row)
        if not size or self.truncated:
            return
        if self.chars + size > MAX_CHARS:
            self.truncated = True
            return
        self.chars += size
        line = json.dumps(block, ensure_ascii=True)
        self.stream.write(line + "\n")


def main():
    """Read the document with its format's module."""
    module = importlib.import_module("reading_" + parameters["format"])
    with open("outputs/blocks.jsonl", "w", encoding="utf-8") as stream:
        writer = Writer(stream)
        try:
            about = module.read(inputs["document"], parameters, writer)
        except Problem as problem:
            emit({"problem": problem.code, "message": problem.message, "remedy": problem.remedy})
            return
    emit({**about, "truncated": writer.truncated})


main()
