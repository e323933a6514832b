"""Tell an ONNX model by the fields of its outermost message, without the onnx package."""

from __future__ import annotations

from typing import NamedTuple

_IR_VERSION, _PRODUCER, _PRODUCER_VERSION, _GRAPH, _OPSET = 1, 2, 3, 7, 8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_FIELDS = 64
_NEWEST_IR = 64


class OnnxProducer(NamedTuple):
    """The version of the format, and who wrote the file."""

    ir_version: int
    name: str
    version: str


def onnx_producer(head: bytes) -> OnnxProducer | None:
    """What an ONNX file says of itself; None for what is no such file. ``head`` is its first bytes or all of it.

    A ModelProto has ir_version (field 1) and a graph (field 7), at most a few others (onnx.proto, version 1).
    """
    ir_version, texts, position = 0, {_PRODUCER: "", _PRODUCER_VERSION: ""}, 0
    for _ in range(_MOST_FIELDS):
        if position >= len(head):
            return None
        tag, position = _varint(head, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, position = _varint(head, position)
            ir_version = value if number == _IR_VERSION else ir_version
        elif kind == _BYTES:
            size, position = _varint(head, position)
            if number == _GRAPH and 0 < ir_version <= _NEWEST_IR and size > 0:
                return OnnxProducer(ir_version, texts[_PRODUCER], texts[_PRODUCER_VERSION])
            if number in texts:
                texts[number] = head[position : position + size].decode("utf-8", "replace")
            position += size
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            return None
        if number == 0 or number > 64 or position < 0:
            return None
    return None


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends; (0, end) where the data does."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            return 0, len(data)
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
    return 0, len(data)
