"""Markdown: headings, paragraphs, lists, tables and code, without their marks; front matter gives title and date."""

import re

from reading_problem import plain
from reading_text import ITEM, decode

FENCE = re.compile(r" {0,3}(```+|~~~+)")
ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
UNSEEN = tuple(
    (
        re.compile(rf"(?<!`){begin}", re.IGNORECASE),
        re.compile(rf"^ {{0,3}}{begin}", re.IGNORECASE | re.MULTILINE),
        re.compile(end, re.IGNORECASE),
    )
    for begin, end in (("<!--", "-->"), (r"<script\b", r"</script\s*>"), (r"<style\b", r"</style\s*>"))
)
"""What a browser does not show: how it begins, how it begins a line, how it ends. Behind a backtick it is a word about it."""
SPANS = (
    (re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)"), r"\1"),
    (re.compile(r"\[([^\]\n]+)\]\([^)\n]*\)"), r"\1"),
    (re.compile(r"\[([^\]\n]+)\]\[[^\]\n]*\]"), r"\1"),
    (re.compile(r"<(https?://[^>\s]+)>"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])([*_])(?=\S)([^*_\n]+?)(?<=\S)\1(?![\w*])"), r"\2"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"</?[a-zA-Z][^<>\n]*>"), ""),
    (re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~])"), r"\1"),
)


def read(path, _parameters, writer):
    """Write the blocks; what is known of the document as a whole."""
    text, encoding = decode(path)
    for begin, begins_line, end in UNSEEN:
        text = _without(text, begin, begins_line, end)
    lines = text.replace("\f", "\n").splitlines()
    lines, about = _front_matter(lines)
    _Reader(lines, writer).run()
    return {**about, "encoding": encoding}


def _without(text, begin, begins_line, end):
    """The text without what stands between the two. What is never closed goes to the end, where it begins a line; else it is text."""
    parts, at = [], 0
    while found := begin.search(text, at):
        closed = end.search(text, found.end())
        if closed is None:
            found = begins_line.search(text, at)
            return "".join([*parts, text[at : found.start() if found else len(text)]])
        parts += [text[at : found.start()], " "]
        at = closed.end()
    return "".join([*parts, text[at:]])


def _front_matter(lines):
    about = {"title": None, "date": None}
    if not lines or lines[0].strip() != "---":
        return lines, about
    end = next((i for i, line in enumerate(lines[1:60], start=1) if line.strip() in ("---", "...")), None)
    if end is None:
        return lines, about
    for line in lines[1:end]:
        key, _, value = line.partition(":")
        value = value.strip().strip("\"'")
        if key.strip().lower() == "title":
            about["title"] = plain(value)
        elif key.strip().lower() == "date" and (found := re.match(r"\d{4}(?:-\d{2}){0,2}", value)):
            about["date"] = found.group()
    return lines[end + 1 :], about


def inline(text):
    """The text without marks for links, emphasis and code."""
    for pattern, replacement in SPANS:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


class _Reader:
    def __init__(self, lines, writer):
        self.lines = lines
        self.writer = writer
        self.paragraph = []
        self.kind = "paragraph"

    def flush(self):
        lines = [clean for line in self.paragraph if (clean := inline(line))]
        self.writer.write(kind=self.kind, lines=lines)
        self.paragraph = []
        self.kind = "paragraph"

    def run(self):
        at = 0
        while at < len(self.lines):
            at = self.line(at)
        self.flush()

    def line(self, at):
        """Read the construct that begins at line ``at``; the line behind it."""
        line = self.lines[at]
        fence, atx = FENCE.match(line), ATX.match(line)
        if fence:
            self.flush()
            return self.code(at, fence.group(1))
        if atx:
            self.flush()
            self.writer.write(kind="heading", lines=[inline(atx.group(2))], level=len(atx.group(1)))
        elif self.paragraph and self.kind == "paragraph" and SETEXT.match(line):
            level = 1 if line.strip().startswith("=") else 2
            self.writer.write(kind="heading", lines=[inline(" ".join(self.paragraph))], level=level)
            self.paragraph = []
        elif not line.strip() or RULE.match(line):
            self.flush()
        elif "|" in line and at + 1 < len(self.lines) and "-" in self.lines[at + 1] and TABLE_RULE.match(self.lines[at + 1]):
            self.flush()
            return self.table(at)
        elif ITEM.match(line):
            self.flush()
            self.kind = "item"
            self.paragraph = [re.sub(r"^[ \t]*[-*+•][ \t]+(\[[ xX]\][ \t]+)?", "", line)]
        else:
            self.paragraph.append(re.sub(r"^[ \t]*>[ \t]?", "", line))
        return at + 1

    def code(self, at, fence):
        end = next((i for i in range(at + 1, len(self.lines)) if self.lines[i].strip().startswith(fence)), len(self.lines))
        self.writer.write(kind="code", lines=[line.rstrip() for line in self.lines[at + 1 : end] if line.strip()])
        return end + 1

    def table(self, at):
        rows = []
        end = at
        while end < len(self.lines) and "|" in self.lines[end]:
            if end != at + 1:
                cells = re.split(r"(?<!\\)\|", self.lines[end].strip().removeprefix("|").removesuffix("|"))
                rows.append([inline(cell) for cell in cells])
            end += 1
        self.writer.write(kind="table", rows=rows)
        return max(end, at + 2)
