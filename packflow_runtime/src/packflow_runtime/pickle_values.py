"""What an unpickler's stack would hold, as far as it matters for knowing which globals a pickle resolves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 1024  # characters; no module or class has a longer name
MAX_KEPT = 64  # items of a tuple or dict that are looked at
UNKNOWN = "unknown"  # the name of a global that only running the pickle would tell
EXTENSION = "copyreg.extension["  # how the name of a code of copyreg's registry begins
ARRAY_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_MAX_DTYPES = 1000  # looked at in one dtype, which may share its parts
_SIZED = re.compile(r"[<>=|]?([?bBhHiIlLqQefdgFDGmMcSUVuO])(\d*)")
_WIDE = {"U": 4}


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


MARK = _Named("mark")
OTHER = _Named("other")  # a value that can be neither text nor a global
COMPUTED = _Named("computed")  # a value that only running the pickle would tell


def short_text(value: str) -> Any:  # noqa: ANN401 - text or a sign
    """The text, unless it is too long for a name."""
    return value if len(value) <= MAX_TEXT else COMPUTED


def global_name(module: str, name: str) -> str:
    """``module.name``; ``module:outer.inner`` where the name has dots, so that no two globals share a spelling."""
    return f"{module}:{name}" if "." in name else f"{module}.{name}"


def modern_name(module: str, name: str) -> tuple[str, str]:
    """Python 3's name of a global that a pickle of protocol 2 or less calls as Python 2 did."""
    import _compat_pickle  # noqa: PLC0415 - most pickles are newer

    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


@dataclass
class GlobalUse:
    """A global that a pickle resolves, the opcodes that call it, and where it is first named."""

    name: str
    offset: int
    uses: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Resolved:
    """A global on the stack; a module, as ``import_module`` gives it, has no ``name``."""

    module: str
    name: str
    use: GlobalUse


@dataclass(eq=False)
class Made:
    """What a call of ``maker`` gave."""

    maker: Any
    arguments: Any
    state: Any = None

    def names(self, name: str) -> bool:
        """Whether the global ``name`` made this: by its own call, or handed to a function such as _reconstructor."""
        handed = self.arguments if isinstance(self.arguments, tuple) else ()
        return any(isinstance(value, Resolved) and value.use.name.endswith(name) for value in (self.maker, *handed))

    @property
    def is_known(self) -> bool:
        """Whether it can be told what kind of object this is."""
        return isinstance(self.maker, Resolved) and self.arguments is not COMPUTED


class Mapping:
    """The first items of a dict whose keys are text."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}

    def add(self, values: list[Any]) -> None:
        """Take keys and values by turns."""
        for key, value in zip(values[::2], values[1::2], strict=False):
            if isinstance(key, str) and (len(self.items) < MAX_KEPT or key in self.items):
                self.items[key] = value


def array_bytes(wrapper: Made) -> int | None:
    """How many raw bytes joblib wrote after an array's description; -1 where a pickle follows instead.

    None where the description does not tell.
    """
    state = wrapper.state.items if isinstance(wrapper.state, Mapping) else {}
    shape, dtype = state.get("shape"), state.get("dtype")
    if not isinstance(shape, tuple) or not isinstance(dtype, Made):
        return None
    count = 1
    for size in shape:
        if type(size) is not int or size < 0:
            return None
        count *= size
    budget = [_MAX_DTYPES]
    has_object = _has_object(dtype, budget)
    if has_object is None:
        return None
    if has_object:
        return -1
    width = _item_size(dtype)
    return None if width is None else count * width


def _item_size(dtype: Made) -> int | None:
    spelled = _spelling(dtype)
    return int(spelled[1]) * _WIDE.get(spelled[0], 1) if spelled and spelled[1] else None


def _spelling(dtype: Made) -> tuple[str, str] | None:
    """A dtype's letter and number, as in ``f8``."""
    code = dtype.arguments[0] if isinstance(dtype.arguments, tuple) and dtype.arguments else None
    match = _SIZED.fullmatch(code) if isinstance(code, str) and dtype.names("numpy.dtype") else None
    return (match[1], match[2]) if match else None


def _has_object(dtype: Any, budget: list[int]) -> bool | None:  # noqa: ANN401 - any value of the stack
    """Whether items of ``dtype`` hold Python objects; None where that cannot be told."""
    budget[0] -= 1
    spelled = _spelling(dtype) if isinstance(dtype, Made) else None
    if spelled is None or budget[0] < 0:
        return None
    if spelled[0] != "V":
        return spelled[0] == "O"
    state = dtype.state if isinstance(dtype.state, tuple) else ()
    parts: list[Any] = []
    if len(state) > 4 and isinstance(state[4], Mapping):  # the fields by name
        names = state[3]
        if not isinstance(names, tuple) or len(names) != len(state[4].items):
            return None
        parts = [field[0] if isinstance(field, tuple) and field else None for field in state[4].items.values()]
    elif len(state) > 4 and state[4] is not None:
        return None
    if len(state) > 2 and isinstance(state[2], tuple):  # the dtype of a subarray
        parts.append(state[2][0] if state[2] else None)
    found: bool | None = False
    for part in parts:
        inner = _has_object(part, budget)
        if inner or inner is None:
            found = inner
            break
    return found
