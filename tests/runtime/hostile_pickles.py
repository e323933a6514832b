"""Files that run code when they are loaded: each would make the folder that it names, and nothing worse."""

from __future__ import annotations

import bz2
import copyreg
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Load = Callable[[bytes], object]
EXTENSION = 0x5AFE


@dataclass(frozen=True)
class Hostile:
    """``data`` that runs code under ``load``, which is None where only another library has such a loader."""

    name: str
    data: bytes
    asks_for: str  # one global that has to be noticed
    load: Load | None = pickle.loads


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def stack_global(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def raw(body: bytes, protocol: int = 4) -> bytes:
    return b"\x80" + bytes([protocol]) + body + b"."


def framed(body: bytes, protocol: int = 4) -> bytes:
    return b"\x80" + bytes([protocol]) + b"\x95" + struct.pack("<Q", len(body) + 1) + body + b"."


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def npy(body: bytes, descr: str = "|O") -> bytes:
    header = repr({"descr": descr, "fortran_order": False, "shape": (1,)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def joblib_array(content: bytes, *, itemsize: int, padding: bytes | None = b"\x02\xff\xff", dtype: str = "V") -> bytes:
    """What joblib writes for an array of one item of ``itemsize`` bytes, up to and with its ``content``."""
    wrapper = stack_global("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81"
    described = call(stack_global("numpy", "dtype"), text(f"{dtype}{itemsize}"), b"\x89", b"\x88")
    state = b"}(" + text("shape") + b"K\x01\x85" + text("dtype") + described + text("order") + text("C")
    state += text("subclass") + stack_global("numpy", "ndarray") + text("allow_mmap") + b"\x89"
    if padding is not None:
        state += text("numpy_array_alignment_bytes") + b"K\x10"
    return wrapper + state + b"ub" + (padding or b"") + content


def tar_of(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def under_two_names(archive: bytes) -> bytes:
    """Call the first member something else in its local header, which zipfile refuses and torch takes."""
    return archive.replace(b"data.pkl", b"data.txt", 1)


def _load_zip(data: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [pickle.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".pkl")]


def _load_npz(data: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [_load_npy(archive.read(name)) for name in archive.namelist()]


def _load_npy(data: bytes) -> object:
    return pickle.loads(data[10 + int.from_bytes(data[8:10], "little") :])


def _load_tar(data: bytes) -> object:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = [archive.extractfile(entry) for entry in archive]
        return [pickle.loads(file.read()) for file in found if file is not None]


def _load_all(data: bytes) -> object:
    file, found = io.BytesIO(data), []
    while file.tell() < len(data):
        found.append(pickle.load(file))
    return found


def _load_python(data: bytes) -> object:
    return pickle._Unpickler(io.BytesIO(data)).load()  # type: ignore[attr-defined]


def _load_extension(data: bytes) -> object:
    copyreg.add_extension("os", "mkdir", EXTENSION)
    try:
        return pickle.loads(data)
    finally:
        copyreg.remove_extension("os", "mkdir", EXTENSION)
        copyreg.clear_extension_cache()  # type: ignore[attr-defined]


def hostile_pickles(folder: str) -> list[Hostile]:
    """All of them; each makes ``folder`` when it is loaded, and needs it to be absent."""
    return [*_raw(folder), *_through_memo_and_strings(folder), *_indirect(folder), *_contained(folder)]


def _payload(folder: str) -> bytes:
    return raw(call(stack_global("os", "mkdir"), text(folder)))


def _raw(folder: str) -> list[Hostile]:
    command, line = f"mkdir '{folder}'", f"V{folder}\n".encode()
    program = f"import os; os.mkdir({folder!r})"
    keywords = b"}(" + text("args") + text(command) + text("shell") + b"\x88u"
    setstate = b"}" + text("__setstate__") + stack_global("os", "mkdir") + b"sb" + text(folder) + b"b"
    return [
        Hostile("protocol 0", f"cos\nsystem\n(V{command}\ntR.".encode(), "os.system"),
        Hostile("Python 2's name", f"c__builtin__\neval\n(V__import__('os').mkdir({folder!r})\ntR.".encode(),
                "builtins.eval"),
        Hostile("protocol 2", raw(b"cos\nmkdir\n" + text(folder) + b"\x85R", 2), "os.mkdir"),
        Hostile("protocol 4", raw(call(stack_global("builtins", "exec"), text(program))), "builtins.exec"),
        Hostile("protocol 5, framed", framed(call(stack_global("subprocess", "getoutput"), text(command)), 5),
                "subprocess.getoutput"),
        Hostile("INST", b"(" + line + b"ios\nmkdir\n.", "os.mkdir"),
        Hostile("OBJ", b"(cos\nmkdir\n" + line + b"o.", "os.mkdir"),
        Hostile("a class through NEWOBJ_EX",
                raw(stack_global("subprocess", "Popen") + b")" + keywords + b"\x920"
                    + call(stack_global("os", "mkdir"), text(folder))), "subprocess.Popen"),
        Hostile("BUILD with __setstate__",
                raw(stack_global("types", "SimpleNamespace") + b")\x81" + setstate), "os.mkdir", _load_python),
        Hostile("an extension code", raw(call(b"\x83" + struct.pack("<H", EXTENSION), text(folder))),
                f"copyreg.extension[{EXTENSION}]", _load_extension),
        Hostile("code before damage", _payload(folder)[:-1] + b"\xff", "os.mkdir", _until_damage),
        Hostile("a second pickle", pickle.dumps({"honest": 1}) + _payload(folder), "os.mkdir", _load_all),
    ]  # fmt: skip


def _until_damage(data: bytes) -> object:
    try:
        return pickle.loads(data)
    except pickle.UnpicklingError:
        return None


def _through_memo_and_strings(folder: str) -> list[Hostile]:
    joined = call(stack_global("_operator", "concat"), text("mk"), text("dir"))
    memo = text("mkdir") + b"\x94" + text("os") + b"\x940" + b"0h\x01h\x00\x93" + text(folder) + b"\x85R"
    dotted = call(stack_global("logging", "os.mkdir"), text(folder))
    getattr_ = stack_global("builtins", "getattr")
    imported = call(stack_global("builtins", "__import__"), text("os"))
    named = call(stack_global("importlib", "import_module"), text("os"))
    through_dict = call(getattr_, stack_global("logging", "__dict__"), text("get"))
    return [
        Hostile("STACK_GLOBAL through the memo", raw(memo), "os.mkdir"),
        Hostile("STACK_GLOBAL of joined text", raw(text("os") + joined + b"\x93" + text(folder) + b"\x85R"), "unknown"),
        Hostile("a dotted name", raw(dotted), "logging:os.mkdir"),
        Hostile("__import__ and getattr", raw(call(call(getattr_, imported, text("mkdir")), text(folder))), "os.mkdir"),
        Hostile("import_module and getattr", raw(call(call(getattr_, named, text("mkdir")), text(folder))), "os.mkdir"),
        Hostile(
            "a chain of getattr",
            raw(call(call(getattr_, call(through_dict, text("os")), text("mkdir")), text(folder))),
            "logging:__dict__.get",
        ),
        Hostile(
            "methodcaller",
            raw(
                call(
                    call(stack_global("operator", "methodcaller"), text("mkdir"), text(folder)),
                    stack_global("shutil", "os"),
                )
            ),
            "operator.methodcaller",
        ),
    ]


def _indirect(folder: str) -> list[Hostile]:
    program, beside = f"import os; os.mkdir({folder!r})", f"{folder}.py"
    Path(beside).write_text(program, encoding="utf-8")
    inner = _payload(folder)
    return [
        Hostile("runpy", raw(call(stack_global("runpy", "run_path"), text(beside))), "runpy.run_path"),
        Hostile("timeit",
                raw(call(stack_global("timeit", "timeit"), text(program), text("0"), b"ctime\nperf_counter\nK\x01")),
                "timeit.timeit"),
        Hostile("cProfile", raw(call(stack_global("cProfile", "run"), text(program), text(f"{folder}.profile"))),
                "cProfile.run"),
        Hostile("pickle.loads", raw(call(stack_global("pickle", "loads"), b"C" + bytes([len(inner)]) + inner)),
                "os.mkdir"),
        Hostile("joblib.load", raw(call(stack_global("joblib", "load"), text(beside))), "joblib.load", None),
        Hostile("numpy.load", raw(call(stack_global("numpy", "load"), text(beside), b"N\x88")), "numpy.load", None),
    ]  # fmt: skip


def _contained(folder: str) -> list[Hostile]:
    inner = _payload(folder)
    hidden = call(stack_global("os", "mkdir"), text(folder))
    magic = raw(b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", 2)
    legacy = magic + raw(b"M\xe9\x03", 2) + raw(b"}", 2) + inner + raw(b"]", 2) + b"\x08" + bytes(39)
    torch = zipped({"archive/data.pkl": inner, "archive/version": b"3\n", "archive/data/0": bytes(64)})
    two_readings = raw(joblib_array(b"0" + hidden + b".", itemsize=len(hidden) + 2, padding=None))
    return [
        Hostile("joblib, zlib", zlib.compress(inner), "os.mkdir", lambda data: pickle.loads(zlib.decompress(data))),
        Hostile("joblib, gzip", gzip.compress(inner), "os.mkdir", lambda data: pickle.loads(gzip.decompress(data))),
        Hostile("joblib, bz2", bz2.compress(inner), "os.mkdir", lambda data: pickle.loads(bz2.decompress(data))),
        Hostile("joblib, xz", lzma.compress(inner), "os.mkdir", lambda data: pickle.loads(lzma.decompress(data))),
        Hostile("joblib, lzma", lzma.compress(inner, lzma.FORMAT_ALONE), "os.mkdir",
                lambda data: pickle.loads(lzma.decompress(data))),
        Hostile("joblib, after an array", raw(joblib_array(bytes(8), itemsize=8) + b"0" + hidden), "os.mkdir", None),
        Hostile("joblib, in an array of objects",
                raw(joblib_array(inner, itemsize=8, padding=None, dtype="O")), "os.mkdir", None),
        Hostile("joblib's bytes that are opcodes", two_readings, "os.mkdir", None),
        Hostile("torch zip", torch, "os.mkdir", _load_zip),
        Hostile("torch zip under two names", under_two_names(torch), "os.mkdir", None),
        Hostile("torch, legacy", legacy, "os.mkdir", lambda data: _load_all(data[: -40])),
        Hostile(".npy of objects", npy(inner), "os.mkdir", _load_npy),
        Hostile(".npz", zipped({"x.npy": npy(inner)}, zipfile.ZIP_DEFLATED), "os.mkdir", _load_npz),
        Hostile("tar", tar_of("model/weights.pkl", inner), "os.mkdir", _load_tar),
        Hostile("gzip in gzip", gzip.compress(gzip.compress(inner)), "os.mkdir",
                lambda data: pickle.loads(gzip.decompress(gzip.decompress(data)))),
        Hostile("a zip after a pickle", pickle.dumps({}) + zipped({"a.pkl": inner}), "os.mkdir", _load_zip),
    ]  # fmt: skip


def clean(folder: str) -> bool:
    """Remove what a hostile file has made; whether there was anything."""
    existed = Path(folder).is_dir()
    if existed:
        Path(folder).rmdir()
    return existed
