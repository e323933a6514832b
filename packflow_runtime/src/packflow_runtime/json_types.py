"""The types of JSON Schema, as Python has them."""

from __future__ import annotations

KINDS: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
NAMES = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
"""What a value of a type is called; an object, whatever its class, is ``object``."""
