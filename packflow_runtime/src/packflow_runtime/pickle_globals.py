"""Read a pickle's opcodes without running them: which globals it would resolve, and what it would call.

The reader follows an unpickler's stack and memo, no further than names need. Where the C and the Python unpickler
differ it takes whatever either of them would resolve; it stops only where both would raise.
"""

from __future__ import annotations

import io
from collections import ChainMap
from typing import TYPE_CHECKING, Any

from .pickle_machine import End, EndReached, PickleMachine, Reading
from .pickle_opcodes import HANDLERS, kept
from .pickle_sources import Limits, Source
from .pickle_values import (
    ARRAY_WRAPPER,
    COMPUTED,
    MAX_TEXT,
    OTHER,
    GlobalUse,
    Made,
    Mapping,
    Resolved,
    array_bytes,
    global_name,
    modern_name,
)

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_MAX_NAME = 4 * MAX_TEXT  # bytes


class PickleReader(PickleMachine):
    """Follow one pickle from where ``source`` stands to its end; ``earlier`` is the memo of pickles before it.

    ``plain`` reads as ``pickle.load`` does, which knows nothing of the array bytes that joblib puts between opcodes.
    """

    def __init__(
        self,
        source: Source,
        limits: Limits,
        earlier: MutableMapping[int, Any] | None = None,
        *,
        reading: Reading | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(source, limits, {} if earlier is None else earlier, reading or Reading())
        self.plain = plain

    def run(self) -> Reading:
        """Read to the end of the pickle; raises UnreadableError or TooLargeError where ``source`` does."""
        try:
            self._follow()
        except EndReached as reached:
            self.reading.end = reached.end
        except (IndexError, KeyError, ValueError, OverflowError):
            self.reading.end = End.BROKEN
        self.earlier.update(self.memo)
        return self.reading

    def _follow(self) -> None:
        stack, reading = self.stack, self.reading
        max_stack, max_opcodes, handlers = self.limits.stack, self.limits.opcodes, HANDLERS
        while True:
            code = self.read(1)
            handler = handlers.get(code)
            if handler is None:
                if not code and self.leave_frame():
                    continue
                raise EndReached(End.BROKEN if code else End.TRUNCATED)
            reading.opcodes += 1
            handler(self)
            if len(stack) > max_stack or reading.opcodes > max_opcodes:
                raise EndReached(End.LIMIT)

    # --- globals ---------------------------------------------------------------------------------------------

    def resolve(self, module: str, name: str) -> Resolved:
        """Name a global, as GLOBAL and its kin do."""
        if self.reading.protocol < 3:
            module, name = modern_name(module, name)
        return self._resolved(module, name)

    def _resolved(self, module: str, name: str) -> Resolved:
        spelled = global_name(module, name) if name else module
        found = self.reading.globals
        if spelled not in found:
            if len(found) >= self.limits.globals:
                raise EndReached(End.LIMIT)
            found[spelled] = GlobalUse(spelled, self.position)
        return Resolved(module, name, found[spelled])

    def call(self, maker: Any, arguments: Any, opcode: str) -> None:  # noqa: ANN401 - any values
        """Call something on the stack, or make an instance of it."""
        if isinstance(maker, Resolved):
            maker.use.uses.add(opcode)
            known = self._known_call(maker.use.name, arguments)
            if known is not None:
                self.push(known)
                return
        self.push(Made(maker, arguments))

    def _known_call(self, name: str, arguments: Any) -> Any:  # noqa: ANN401 - any values
        """What a call gives that is no more than another way to name a global."""
        if not isinstance(arguments, tuple):
            return None
        if name == "builtins.getattr" and len(arguments) > 1:
            owner, attribute = arguments[:2]
            if isinstance(owner, Resolved) and isinstance(attribute, str):
                return self._resolved(owner.module, f"{owner.name}.{attribute}" if owner.name else attribute)
            return self.unknown()
        if name in ("importlib.import_module", "builtins.__import__") and arguments:
            return self._resolved(arguments[0], "") if isinstance(arguments[0], str) else self.unknown()
        return None

    # --- opcodes that take more than a line ------------------------------------------------------------------

    def stack_global(self) -> None:
        """Name a global by two values of the stack."""
        name, module = self.pop(), self.pop()
        if isinstance(name, str) and isinstance(module, str):
            self.push(self.resolve(module, name))
        elif all(isinstance(value, (str, Made)) or value is COMPUTED for value in (name, module)):
            self.push(self.unknown())
        else:
            raise EndReached(End.BROKEN)

    def global_(self) -> None:
        """Name a global by two lines."""
        module, name = self.line(), self.line(required=False)
        if len(module) > _MAX_NAME or len(name) > _MAX_NAME:
            raise EndReached(End.BROKEN)  # no file or attribute is called so
        self.push(self.resolve(module.decode("utf-8"), name.decode("utf-8")))

    def inst(self) -> None:
        """Name a global by two lines and call it."""
        self.global_()  # Python resolves before it looks for the mark
        maker = self.pop()
        self.call(maker, kept(self.pop_mark()), "INST")

    def obj(self) -> None:
        """Call what stands after the mark."""
        maker, *arguments = self.pop_mark() or [None]
        if maker is None:
            raise EndReached(End.BROKEN)
        self.call(maker, kept(arguments), "OBJ")

    def new(self, opcode: str) -> None:
        """Call what stands below its arguments."""
        arguments = self.pop()
        self.call(self.pop(), arguments if isinstance(arguments, tuple) else COMPUTED, opcode)

    def new_with_keywords(self) -> None:
        """Make an instance with keyword arguments too."""
        self.pop()
        self.new("NEWOBJ_EX")

    def build(self) -> None:
        """Hand an object its state."""
        state, target = self.pop(), self.top()
        if isinstance(target, Resolved):
            self.doubt("changes-global")
            target.use.uses.add("BUILD")
        if not isinstance(target, Made):
            return
        for value in (target.maker, _hook_in(target.state)):
            if isinstance(value, Resolved):
                value.use.uses.add("BUILD")
        target.state = state
        if target.names(ARRAY_WRAPPER):
            self.array(target)
        elif not target.is_known and any(name.endswith(ARRAY_WRAPPER) for name in self.reading.globals):
            self.doubt("array-unclear")

    def array(self, wrapper: Made) -> None:
        """Step over the bytes that joblib reads here, after a look at what ``pickle.load`` would take them for."""
        if self.plain:
            return
        self.reading.has_arrays = True
        if self.rest_of_frame():
            self.doubt_frames()
        size = array_bytes(wrapper)
        if size is None:
            self.doubt("array-unclear")
            raise EndReached(End.BROKEN)
        if size < 0:
            self._read_objects()
        else:
            self._read_plainly()
            items = wrapper.state.items
            if items.get("numpy_array_alignment_bytes") is not None:
                size += (self.source.read(1) or b"\0")[0]
            if not self.source.skip(size):
                raise EndReached(End.TRUNCATED)
        self.stack[-1] = OTHER

    def _read_plainly(self) -> None:
        """Take what follows for opcodes; joblib puts a byte before an array that is none, but need not."""
        head = self.rest_of_frame() + self.source.head(1 << 20)
        if head[:1] not in HANDLERS:
            return
        other = PickleReader(Source.of_stream(io.BytesIO(head)), self.limits, reading=Reading(), plain=True)
        other.reading.protocol = self.reading.protocol
        other.memo, other.stack = ChainMap({}, self.memo), [*self.stack]
        found = other.run()
        if found.end is End.STOPPED or any(use.uses for use in found.globals.values()):
            self.reading.globals = {**found.globals, **self.reading.globals}
            self.doubt("readers-disagree")

    def _read_objects(self) -> None:
        inner = PickleReader(self.source, self.limits, reading=self.reading)
        protocol = self.reading.protocol
        if inner.run().end is not End.STOPPED:
            raise EndReached(self.reading.end)
        self.reading.protocol = protocol


def _hook_in(state: Any) -> Any:  # noqa: ANN401 - a value of the stack
    """What an object's own ``__setstate__`` is, where its state so far holds one: the next state is handed to that."""
    states = state if isinstance(state, tuple) else (state,)
    return next((part.items["__setstate__"] for part in states if _has_hook(part)), None)


def _has_hook(part: Any) -> bool:  # noqa: ANN401 - a value of the stack
    return isinstance(part, Mapping) and "__setstate__" in part.items
