"""A Pratt parser for expressions.

Precedence (Data types page, "Order of operations"), most binding first: ``()``, ``.``, ``[]``, ``not``, unary ``-``, ``* / // %``, ``+ -``,
``< <= > >= == != in`` (one level), ``and``, ``or``.
"""

from __future__ import annotations

from typing import Final

from infra.local.workflows.expressions.lexer import ExpressionError, Token, tokens
from infra.local.workflows.expressions.tree import (
    Binary,
    Call,
    Expression,
    Index,
    ListDisplay,
    Literal,
    MapDisplay,
    Member,
    Name,
    Unary,
    dotted,
)
from infra.local.workflows.limits import INT64_MAX, SERVICE

_BINDING: Final = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "//", "%"), 5),
}
_CONSTANTS: Final = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "null": None,
    "Null": None,
    "NULL": None,
}


def parse(text: str, limit: int = SERVICE.expression_characters) -> Expression:
    """The tree of the expression ``text`` (what stands between ``${`` and ``}``). Raises ExpressionError with the offset of the fault."""
    if len(text) > limit:
        raise ExpressionError(f"the expression has {len(text)} characters; the limit is {limit}", 0)
    parser = _Parser(tokens(text))
    tree = parser.expression(0)
    parser.expect_end()
    return tree


def parse_target(text: str) -> Expression:
    """The tree of an assignment target: a name followed by any number of ``.field`` and ``[index]``."""
    tree = parse(text)
    node = tree
    while isinstance(node, (Member, Index)):
        node = node.target
    if not isinstance(node, Name):
        raise ExpressionError("an assignment target is a variable, a field of one or an element of one", 0)
    return tree


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.position = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def at_symbol(self, text: str) -> bool:
        return self.token.kind == "symbol" and self.token.text == text

    def expect(self, text: str) -> Token:
        if not self.at_symbol(text):
            raise ExpressionError(f"expected {text!r}, found {self.found()}", self.token.at)
        return self.take()

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise ExpressionError(f"expected an operator or the end of the expression, found {self.found()}", self.token.at)

    def found(self) -> str:
        return "the end of the expression" if self.token.kind == "end" else repr(self.token.text)

    def expression(self, floor: int) -> Expression:
        """An expression whose operators all bind more tightly than ``floor``."""
        self.deepen()
        left = self.prefix()
        while (binding := self.binding()) > floor:
            operator = self.take()
            left = Binary(operator.text, left, self.expression(binding), operator.at)
        self.depth -= 1
        return left

    def binding(self) -> int:
        return _BINDING.get(self.token.text, 0) if self.token.kind in ("symbol", "word") else 0

    def deepen(self) -> None:
        self.depth += 1
        if self.depth > SERVICE.nesting:
            raise ExpressionError("the expression is nested too deeply", self.token.at)

    def prefix(self) -> Expression:
        """``not`` binds more tightly than unary minus, and both more than every binary operator."""
        token = self.token
        if token.kind == "word" and token.text == "not":
            self.take()
            self.deepen()
            operand = self.prefix()
            self.depth -= 1
            return Unary("not", operand, token.at)
        if self.at_symbol("-"):
            self.take()
            self.deepen()
            node = self.negated(token)
            self.depth -= 1
            return node
        return self.checked(self.postfix(self.primary()))

    def negated(self, minus: Token) -> Expression:
        following = self.token
        if following.kind == "number" and following.value == INT64_MAX + 1 and isinstance(following.value, int):
            self.take()
            return self.postfix(Literal(-following.value, minus.at))
        return Unary("-", self.prefix(), minus.at)

    def checked(self, node: Expression) -> Expression:
        if isinstance(node, Literal) and type(node.value) is int and node.value > INT64_MAX:
            raise ExpressionError("the integer does not fit in 64 bits", node.at)
        return node

    def primary(self) -> Expression:
        token = self.take()
        if token.kind in ("number", "string"):
            return Literal(token.value, token.at)
        if token.kind == "name":
            if token.text in _CONSTANTS:
                return Literal(_CONSTANTS[token.text], token.at)
            return Name(token.text, token.at)
        if token.kind == "symbol" and token.text == "(":
            node = self.expression(0)
            self.expect(")")
            return node
        if token.kind == "symbol" and token.text == "[":
            return ListDisplay(self.sequence("]"), token.at)
        if token.kind == "symbol" and token.text == "{":
            return self.map(token)
        self.position -= 1
        raise ExpressionError(f"expected a value, found {self.found()}", token.at)

    def postfix(self, node: Expression) -> Expression:
        while True:
            token = self.token
            if self.at_symbol("."):
                self.take()
                field = self.take()
                if field.kind not in ("name", "word"):
                    self.position -= 1
                    raise ExpressionError(f"expected a field name after '.', found {self.found()}", field.at)
                node = Member(node, field.text, token.at)
            elif self.at_symbol("["):
                self.take()
                node = Index(node, self.expression(0), token.at)
                self.expect("]")
            elif self.at_symbol("("):
                function = dotted(node)
                if function is None:
                    raise ExpressionError("only a function or a subworkflow can be called", token.at)
                self.take()
                node = Call(function, self.sequence(")"), node.at)
            else:
                return node

    def sequence(self, closing: str) -> tuple[Expression, ...]:
        items: list[Expression] = []
        while not self.at_symbol(closing):
            items.append(self.expression(0))
            if not self.at_symbol(closing):
                self.expect(",")
        self.expect(closing)
        return tuple(items)

    def map(self, opening: Token) -> Expression:
        entries: list[tuple[Expression, Expression]] = []
        while not self.at_symbol("}"):
            key = self.expression(0)
            self.expect(":")
            entries.append((key, self.expression(0)))
            if not self.at_symbol("}"):
                self.expect(",")
        self.expect("}")
        return MapDisplay(tuple(entries), opening.at)
