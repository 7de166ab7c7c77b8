"""What stands in a compiled expression: its tree, as the engine gives it away.

The engine's Python side shows no tree, but it serializes one: `cel.expr.CheckedExpr` in an `Any`.
Its `.proto` comes with no package that we use, so what is needed of it is described here; protobuf
passes over the rest, and keeps it.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from libs.domain.expressions import ExpressionProblem, Fault, Meaning

_NESTED_MOST = 2
_COMPREHENSION = re.compile(r"\b(?:all|exists|exists_one)\b")

# Message: field: (number, type); a list is repeated.
_MESSAGES: dict[str, dict[str, tuple[int, str | list[str]]]] = {
    "CheckedExpr": {"expr": (4, "Expr"), "source_info": (5, "SourceInfo")},
    "SourceInfo": {"positions": (4, ["Position"])},
    # What a `map<int64, int32>` is on the wire.
    "Position": {"key": (1, "int64"), "value": (2, "int32")},
    "Expr": {
        "id": (2, "int64"),
        "const_expr": (3, "Constant"),
        "ident_expr": (4, "Ident"),
        "select_expr": (5, "Select"),
        "call_expr": (6, "Call"),
        "list_expr": (7, "List"),
        "struct_expr": (8, "Struct"),
        "comprehension_expr": (9, "Comprehension"),
    },
    "Constant": {"bool_value": (2, "bool"), "string_value": (6, "string")},
    "Ident": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test_only": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, ["Expr"])},
    "List": {"elements": (1, ["Expr"])},
    "Struct": {"entries": (2, ["Entry"])},
    "Entry": {"id": (1, "int64"), "map_key": (3, "Expr"), "value": (4, "Expr")},
    "Comprehension": {
        "iter_range": (2, "Expr"),
        "accu_init": (4, "Expr"),
        "loop_condition": (5, "Expr"),
        "loop_step": (6, "Expr"),
        "result": (7, "Expr"),
    },
}
_LENGTH = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|us|ns|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def _described() -> Any:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="latchkey/expressions/syntax.proto", package="latchkey.expressions", syntax="proto2"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, written) in fields.items():
            kind = written[0] if isinstance(written, list) else written
            described = message.field.add(
                name=field,
                number=number,
                label=kinds.LABEL_REPEATED if isinstance(written, list) else kinds.LABEL_OPTIONAL,
            )
            if kind in _MESSAGES:
                described.type = kinds.TYPE_MESSAGE
                described.type_name = f".latchkey.expressions.{kind}"
            else:
                described.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("latchkey.expressions.CheckedExpr")
    return message_factory.GetMessageClass(found)


_CHECKED = _described()


class Syntax:
    """The tree of one compiled expression.

    `text`: the expression; `serialized`: what the engine made of it.
    """

    def __init__(self, text: str, serialized: bytes) -> None:
        self._text = text
        self._serialized = serialized

    @cached_property
    def _checked(self) -> Any:
        try:
            return _CHECKED.FromString(any_pb2.Any.FromString(self._serialized).value)
        except DecodeError:
            # protobuf reads a hundred messages within each other. The engine does not get so deep,
            # by its own limit, which is another one.
            raise ExpressionProblem("it is nested too deeply") from None

    def too_deep(self) -> Fault | None:
        """The first comprehension that stands in too many others: each multiplies the work."""
        if len(_COMPREHENSION.findall(self._text)) <= _NESTED_MOST:
            return None
        for node, depth in _walk(self._checked.expr):
            if depth >= _NESTED_MOST and node.HasField("comprehension_expr"):
                return Fault("comprehensions are nested more than once", *self._place(node.id))
        return None

    @cached_property
    def meaning(self) -> Meaning:
        """What the expression says, whatever it is asked about."""
        root = self._checked.expr
        constant = root.const_expr
        always = constant.bool_value if constant.HasField("bool_value") else None
        lengths: list[timedelta] = []
        reads: set[tuple[str, str]] = set()
        for node, _ in _walk(root):
            if node.HasField("select_expr") and not node.select_expr.test_only:
                reads.add((node.select_expr.operand.ident_expr.name, node.select_expr.field))
            elif node.HasField("call_expr") and node.call_expr.function == "duration":
                texts = [arg.const_expr.string_value for arg in node.call_expr.args]
                lengths += [length for text in texts if (length := _length(text))]
        return Meaning(self._shape(), always, tuple(lengths), frozenset(reads))

    def _place(self, node_id: int) -> tuple[int, int]:
        positions = self._checked.source_info.positions
        offset = next((place.value for place in positions if place.key == node_id), 0)
        before = self._text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1

    def _shape(self) -> str:
        """The tree without its numbering, which is by where things stand."""
        bare = type(self._checked.expr)()
        bare.CopyFrom(self._checked.expr)
        for node, _ in _walk(bare):
            node.ClearField("id")
            for entry in node.struct_expr.entries if node.HasField("struct_expr") else ():
                entry.ClearField("id")
        return hashlib.sha256(bare.SerializeToString(deterministic=True)).hexdigest()


def _walk(root: Any) -> Iterator[tuple[Any, int]]:
    """Every node, those above before those below, with how many comprehensions it stands in."""
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += reversed([(below, depth + within) for below, within in _below(node)])


def _below(node: Any) -> Iterator[tuple[Any, int]]:
    if node.HasField("select_expr"):
        yield node.select_expr.operand, 0
    elif node.HasField("call_expr"):
        if node.call_expr.HasField("target"):
            yield node.call_expr.target, 0
        yield from ((arg, 0) for arg in node.call_expr.args)
    elif node.HasField("list_expr"):
        yield from ((element, 0) for element in node.list_expr.elements)
    elif node.HasField("struct_expr"):
        for entry in node.struct_expr.entries:
            if entry.HasField("map_key"):
                yield entry.map_key, 0
            yield entry.value, 0
    elif node.HasField("comprehension_expr"):
        inner = node.comprehension_expr
        yield inner.iter_range, 0
        yield inner.accu_init, 0
        yield from ((part, 1) for part in (inner.loop_condition, inner.loop_step, inner.result))


def _length(text: str) -> timedelta | None:
    """A length as CEL writes it, such as `1h30m`; none for a negative one and for none."""
    parts = _LENGTH.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.removeprefix("+"):
        return None
    try:
        return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
    except OverflowError:
        return None
