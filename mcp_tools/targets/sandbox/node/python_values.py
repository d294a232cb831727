"""The values of expressions in a Python program that is walked, as far as they are known."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from mcp_tools.targets.sandbox.node.box import Box


def dotted(node: ast.AST) -> str:
    """``os.environ.get`` of a name, an attribute or a call."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return dotted(node.func)
    return ""


class Values:
    """Names and what they stand for."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.values: dict[str, Any] = {}

    def first(self, node: ast.AST | None) -> Any:
        """The first argument of a call."""
        if isinstance(node, ast.Call) and node.args:
            return self.value(node.args[0])
        return None

    def value(self, node: ast.AST) -> Any:
        """The value of an expression as far as it is known; None otherwise."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return self.values.get(node.id, True if node.id == "True" else None)
            case ast.Tuple() | ast.List():
                return type_of(node)(self.value(item) for item in node.elts)
            case ast.JoinedStr():
                return "".join(str(self.value(part)) for part in node.values)
            case ast.FormattedValue():
                return self.value(node.value)
            case ast.Subscript():
                if dotted(node.value) in ("os.environ", "environ"):
                    return self.box.env.get(str(self.value(node.slice)))
                return None
            case ast.UnaryOp():
                inner = self.value(node.operand)
                if isinstance(node.op, ast.Not):
                    return not inner
                return -inner if isinstance(node.op, ast.USub) and isinstance(inner, (int, float)) else inner
            case ast.IfExp():
                return self.value(node.body if self.value(node.test) else node.orelse)
            case ast.BoolOp():
                values = [self.value(item) for item in node.values]
                return all(values) if isinstance(node.op, ast.And) else next(filter(None, values), None)
            case ast.Compare():
                return self._compare(node)
            case ast.BinOp():
                return _operate(node.op, self.value(node.left), self.value(node.right))
            case ast.Call():
                return self._result(node)
            case ast.Attribute():
                answer = self.values.get("answer")
                return answer.status if node.attr in ("status", "code", "status_code") and answer is not None else None
        return None

    def _result(self, node: ast.Call) -> Any:
        name = dotted(node.func)
        argument = self.first(node)
        if name in ("os.environ.get", "os.getenv", "environ.get"):
            fallback = self.value(node.args[1]) if len(node.args) > 1 else None
            return self.box.env.get(str(argument), fallback)
        if name == "range" and node.args:
            numbers = [self.value(word) for word in node.args]
            return range(*numbers) if all(isinstance(number, int) for number in numbers) else None
        if name in ("int", "float", "str", "len") and argument is not None:
            try:
                makers: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str, "len": len}
                return makers[name](argument)
            except (TypeError, ValueError):
                return None
        if name == "os.path.exists":
            return self.box.exists(str(argument))
        if name.endswith(".read") or name.endswith(".decode"):
            answer = self.values.get("answer")
            return answer.body if answer is not None else ""
        return None

    def _compare(self, node: ast.Compare) -> bool:
        left, right = self.value(node.left), self.value(node.comparators[0])
        try:
            match node.ops[0]:
                case ast.Eq():
                    return bool(left == right)
                case ast.NotEq():
                    return bool(left != right)
                case ast.Lt():
                    return bool(left < right)
                case ast.Gt():
                    return bool(left > right)
                case ast.In() | ast.NotIn():
                    if dotted(node.comparators[0]) == "os.environ":
                        right = self.box.env
                    return (left in right) == isinstance(node.ops[0], ast.In)
                case ast.Is():
                    return left is right
                case ast.IsNot():
                    return left is not right
        except TypeError:
            return False
        return False


def type_of(node: ast.Tuple | ast.List) -> type[tuple[Any, ...]] | type[list[Any]]:
    """What kind of sequence that is."""
    return tuple if isinstance(node, ast.Tuple) else list


def _operate(operator: ast.operator, left: Any, right: Any) -> Any:
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if not numbers and not (isinstance(operator, ast.Add) and isinstance(left, str) and isinstance(right, str)):
        return None
    try:
        match operator:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Pow():
                return left**right if 0 <= right < 64 and abs(left) < 1 << 32 else None
            case ast.Mod():
                return left % right
    except (TypeError, ZeroDivisionError):
        return None
    return None
