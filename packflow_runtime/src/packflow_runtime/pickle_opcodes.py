"""What each opcode does to the stack and memo of a ``PickleReader``; the table is that of the module pickletools."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

from .pickle_values import COMPUTED, MARK, MAX_KEPT, MAX_TEXT, OTHER, Mapping, short_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from .pickle_globals import PickleReader

    Handler = Callable[[PickleReader], None]


def kept(values: list[Any], otherwise: Any = COMPUTED) -> Any:  # noqa: ANN401 - values of the stack
    """The values as a tuple, or ``otherwise`` where there are more than anything of interest has."""
    return tuple(values) if len(values) <= MAX_KEPT else otherwise


def _push(value: Any) -> Handler:  # noqa: ANN401 - any value
    return lambda reader: reader.stack.append(value)


def _skip(width: int) -> Handler:
    """A value of fixed width that is never of interest."""

    def run(reader: PickleReader) -> None:
        reader.take(width)
        reader.push(OTHER)

    return run


def _integer(width: int, *, signed: bool = False) -> Handler:
    return lambda reader: reader.push(reader.number(width, signed=signed))


def _text(width: int) -> Handler:
    def run(reader: PickleReader) -> None:
        size = reader.number(width)
        if size <= 4 * MAX_TEXT:
            reader.push(short_text(reader.take(size).decode("utf-8", "surrogatepass")))
        else:
            reader.skip(size)
            reader.push(COMPUTED)

    return run


def _data(width: int) -> Handler:
    return lambda reader: reader.data(reader.number(width))


def _old_text(width: int) -> Handler:
    """Python 2's byte strings, which become text in Python 3."""

    def run(reader: PickleReader) -> None:
        size = reader.number(width, signed=width == 4)
        if size < 0:
            raise ValueError(size)
        if size <= MAX_TEXT:
            reader.push(short_text(reader.take(size).decode("latin-1")))
        else:
            reader.data(size)
            reader.stack[-1] = COMPUTED

    return run


def _long(width: int) -> Handler:
    def run(reader: PickleReader) -> None:
        size = reader.number(width, signed=width == 4)
        if size < 0:
            raise ValueError(size)
        if size <= 16:
            reader.push(reader.number(size, signed=True))
        else:
            reader.skip(size)
            reader.push(OTHER)

    return run


def _line(value_of: Callable[[bytes], Any], too_long: Any = OTHER) -> Handler:  # noqa: ANN401 - any value
    """A value that is written as a line of text."""

    def run(reader: PickleReader) -> None:
        line = reader.short_line()
        reader.push(too_long if line is None else value_of(line))

    return run


def _digits(line: bytes) -> bytes:
    """What C takes for the number: it stops at a NUL."""
    return line.partition(b"\0")[0]


def _index(reader: PickleReader) -> int:
    return int(_digits(reader.line()))


def _int(line: bytes) -> Any:  # noqa: ANN401 - an int or bool
    if line in (b"00", b"01"):
        return line == b"01"
    try:
        return int(_digits(line), 0)
    except ValueError:
        return int(_digits(line), 8)  # C takes a leading zero for octal


def _long_int(line: bytes) -> Any:  # noqa: ANN401 - an int
    return int(_digits(line).strip().removesuffix(b"L"), 0)


def _float(line: bytes) -> Any:  # noqa: ANN401 - no float is of interest
    float(_digits(line))
    return OTHER


def _string(line: bytes) -> Any:  # noqa: ANN401 - text or what is too long for it
    line = line.rstrip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise ValueError(line)
    decoded: bytes = codecs.escape_decode(line[1:-1])[0]
    return short_text(decoded.decode("latin-1"))


def _unicode(line: bytes) -> Any:  # noqa: ANN401 - text or what is too long for it
    return short_text(line.decode("raw-unicode-escape"))


def _persistent_line(reader: PickleReader) -> None:
    reader.line()
    reader.push(COMPUTED)


def _persistent(reader: PickleReader) -> None:
    reader.pop()
    reader.push(COMPUTED)


def _pop(reader: PickleReader) -> None:
    reader.stack.pop()


def _pop_mark(reader: PickleReader) -> None:
    reader.pop_mark()


def _tuple(count: int) -> Handler:
    def run(reader: PickleReader) -> None:
        values = [reader.pop() for _ in range(count)]
        reader.push(tuple(reversed(values)))

    return run


def _dict(reader: PickleReader) -> None:
    mapping = Mapping()
    mapping.add(reader.pop_mark())
    reader.push(mapping)


def _add(reader: PickleReader, values: list[Any]) -> None:
    target = reader.top()
    if isinstance(target, Mapping):
        target.add(values)


def _set_item(reader: PickleReader) -> None:
    value, key = reader.pop(), reader.pop()
    _add(reader, [key, value])


def _replace_marked(value: Any) -> Handler:  # noqa: ANN401 - any value
    def run(reader: PickleReader) -> None:
        reader.pop_mark()
        reader.push(value)

    return run


def _drop_marked(reader: PickleReader) -> None:
    reader.pop_mark()
    reader.top()


def _read_only(reader: PickleReader) -> None:
    reader.top()


def _append(reader: PickleReader) -> None:
    reader.pop()
    reader.top()


def _extension(width: int) -> Handler:
    """A code of copyreg's registry, which only the running program could look up."""

    def run(reader: PickleReader) -> None:
        code = reader.number(width, signed=width == 4)
        if code <= 0:
            raise ValueError(code)
        reader.push(reader.resolve("copyreg", f"extension[{code}]"))

    return run


HANDLERS: dict[bytes, Handler] = {
    b"(": _push(MARK),
    b".": lambda reader: reader.stop(),
    b"0": _pop,
    b"1": _pop_mark,
    b"2": lambda reader: reader.push(reader.top()),
    b"F": _line(_float),
    b"G": _skip(8),
    b"I": _line(_int),
    b"J": _integer(4, signed=True),
    b"K": _integer(1),
    b"L": _line(_long_int),
    b"M": _integer(2),
    b"\x8a": _long(1),
    b"\x8b": _long(4),
    b"N": _push(None),
    b"\x88": _push(True),
    b"\x89": _push(False),
    b"S": _line(_string, COMPUTED),
    b"T": _old_text(4),
    b"U": _old_text(1),
    b"V": _line(_unicode, COMPUTED),
    b"X": _text(4),
    b"\x8c": _text(1),
    b"\x8d": _text(8),
    b"B": _data(4),
    b"C": _data(1),
    b"\x8e": _data(8),
    b"\x96": _data(8),
    b"\x97": _push(OTHER),
    b"\x98": _read_only,
    b"P": _persistent_line,
    b"Q": _persistent,
    b")": _push(()),
    b"t": lambda reader: reader.push(kept(reader.pop_mark())),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"]": _push(OTHER),
    b"l": _replace_marked(OTHER),
    b"a": _append,
    b"e": _drop_marked,
    b"}": lambda reader: reader.push(Mapping()),
    b"d": _dict,
    b"s": _set_item,
    b"u": lambda reader: _add(reader, reader.pop_mark()),
    b"\x8f": _push(OTHER),
    b"\x90": _drop_marked,
    b"\x91": _replace_marked(OTHER),
    b"R": lambda reader: reader.new("REDUCE"),
    b"b": lambda reader: reader.build(),
    b"\x81": lambda reader: reader.new("NEWOBJ"),
    b"\x92": lambda reader: reader.new_with_keywords(),
    b"c": lambda reader: reader.global_(),
    b"i": lambda reader: reader.inst(),
    b"o": lambda reader: reader.obj(),
    b"\x93": lambda reader: reader.stack_global(),
    b"\x82": _extension(1),
    b"\x83": _extension(2),
    b"\x84": _extension(4),
    b"p": lambda reader: reader.put(_index(reader)),
    b"q": lambda reader: reader.put(reader.number(1)),
    b"r": lambda reader: reader.put(reader.number(4)),
    b"\x94": lambda reader: reader.put(len(reader.memo)),
    b"g": lambda reader: reader.get(_index(reader)),
    b"h": lambda reader: reader.get(reader.number(1)),
    b"j": lambda reader: reader.get(reader.number(4)),
    b"\x80": lambda reader: reader.protocol(),
    b"\x95": lambda reader: reader.begin_frame(),
}
