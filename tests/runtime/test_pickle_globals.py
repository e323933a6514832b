"""The static listing: every pickle of a file, in whatever it is packed, named without resolving anything."""

from __future__ import annotations

import bz2
import collections
import datetime as dt
import decimal
import gzip
import io
import lzma
import pickle
import struct
import tempfile
import tracemalloc
import unittest
import zipfile
import zlib
from pathlib import Path
from typing import Any

from packflow_runtime.pickle_containers import list_pickles, list_pickles_in
from packflow_runtime.pickle_listing import MEANINGS, PickleListing
from packflow_runtime.pickle_sources import Limits
from runtime.hostile_pickles import call, framed, joblib_array, npy, raw, stack_global, tar_of, text, zipped

ORDERED = "collections.OrderedDict"
MODEL = pickle.dumps(collections.OrderedDict(a=1))


class Thing:
    def __init__(self) -> None:
        self.value = 1


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def listed(data: bytes, limits: Limits | None = None) -> PickleListing:
    return list_pickles_in(io.BytesIO(data), limits=limits or Limits())


def codes(listing: PickleListing) -> list[str]:
    return [problem.code for problem in listing.problems]


class RawPickles(unittest.TestCase):
    def test_every_protocol_names_the_same(self) -> None:
        value = [Thing(), collections.OrderedDict(a=1), decimal.Decimal("1.5"), dt.date(2026, 1, 1)]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with self.subTest(protocol):
                found = listed(pickle.dumps(value, protocol))
                self.assertEqual((found.kind, found.pickles, found.problems), ("raw", 1, ()))
                named = {f"{Thing.__module__}.Thing", ORDERED, "decimal.Decimal", "datetime.date"}
                self.assertLessEqual(named, set(found.names))
                helpers = {"copyreg._reconstructor", "builtins.object", "_codecs.encode"}
                self.assertLessEqual(set(found.names) - named, helpers)

    def test_uses_say_what_is_called_and_what_only_named(self) -> None:
        body = (
            b"(cdatetime\ndate\ncdecimal\nDecimal\n)\x81}b(cfractions\nFraction\no(icollections\nCounter\n"
            + call(stack_global("uuid", "UUID"))
            + b"t"
        )
        uses = {found.name: found.uses for found in listed(raw(body)).globals}
        expected = {
            "collections.Counter": ("INST",),
            "datetime.date": (),
            "decimal.Decimal": ("BUILD", "NEWOBJ"),
            "fractions.Fraction": ("OBJ",),
            "uuid.UUID": ("REDUCE",),
        }
        self.assertEqual(uses, expected)

    def test_offsets_lead_to_the_first_mention(self) -> None:
        data = raw(b"N0" + b"cos\nsystem\n" + b"0cos\nsystem\n")
        (found,) = listed(data).globals
        self.assertEqual(data[: found.offset], b"\x80\x04N0cos\nsystem\n")

    def test_pickles_that_follow_one_another_are_all_read(self) -> None:
        found = listed(pickle.dumps(1) + pickle.dumps({"a": 2}, 2) + MODEL)
        self.assertEqual((found.pickles, found.names), (3, (ORDERED,)))

    def test_one_unpickler_for_several_keeps_its_memo(self) -> None:
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, 4)
        ordered = collections.OrderedDict(a=1)
        pickler.dump([ordered, "os"])
        pickler.dump([ordered, "os"])
        found = listed(buffer.getvalue())
        self.assertEqual((found.pickles, found.names, found.problems), (2, (ORDERED,), ()))

    def test_bytes_that_are_a_pickle_are_read_too(self) -> None:
        found = listed(pickle.dumps({"inner": MODEL, "outer": b"no pickle"}))
        self.assertEqual([(item.name, item.member[:1]) for item in found.globals], [(ORDERED, "@")])

    def test_names_that_are_computed_are_unknown(self) -> None:
        computed = call(stack_global("builtins", "str"), text("system"))
        for body in (
            text("os") + computed + b"\x93",
            computed + text("system") + b"\x93",
            b"Ppid\n" + text("x") + b"\x93",
        ):
            self.assertIn("unknown", listed(raw(body)).names)

    def test_getattr_is_followed(self) -> None:
        getattr_ = stack_global("builtins", "getattr")
        body = call(getattr_, call(getattr_, stack_global("a", "b"), text("c")), text("d"))
        self.assertEqual(listed(raw(body)).names, ("a.b", "a:b.c", "a:b.c.d", "builtins.getattr"))
        self.assertIn("unknown", listed(raw(call(getattr_, b"N", text("c")))).names)

    def test_a_state_for_a_class_itself_is_a_problem(self) -> None:
        self.assertEqual(
            codes(listed(raw(stack_global("a", "B") + b"N}" + text("x") + b"Ns\x86b"))), ["changes-global"]
        )

    def test_long_lines_are_read_on(self) -> None:
        for protocol in (0, 1):
            data = pickle.dumps(["x" * 200_000, collections.OrderedDict()], protocol)
            self.assertIn(ORDERED, listed(data).names)
        self.assertIn("os.system", listed(b"F" + b"1" * 70_000 + b"\n0cos\nsystem\n.").names)
        self.assertIn("os.system", listed(b"(I1\x00x\n0cos\nsystem\n.").names)  # C stops at a NUL


class Frames(unittest.TestCase):
    def test_honest_frames_raise_no_doubt(self) -> None:
        value = [bytes(200_000), ["x" * 30_000] * 5, [str(number) for number in range(50_000)], MODEL]
        for protocol in (4, 5):
            for data in (pickle.dumps(value, protocol), pickle._dumps(value, protocol)):  # type: ignore[attr-defined]
                self.assertEqual(listed(data).problems, ())

    def test_a_frame_that_ends_within_a_value_makes_the_name_unknown(self) -> None:
        crossing = b"\x80\x04\x95" + struct.pack("<Q", 5) + b"c__torch__.os\nSystem\n."
        found = listed(crossing)
        self.assertIn("unknown", found.names)
        self.assertIn("frames-disagree", codes(found))

    def test_what_stands_between_stop_and_the_frames_end_is_read(self) -> None:
        hidden = stack_global("os", "system") + b"."
        found = listed(framed(b"N." + hidden[:-1]))
        self.assertIn("os.system", found.names)
        self.assertIn("frames-disagree", codes(found))


class Joblib(unittest.TestCase):
    def test_array_bytes_are_stepped_over(self) -> None:
        array = joblib_array(b"cos\nsystem\n.....", itemsize=16)
        found = listed(raw(array + b"0" + stack_global(*ORDERED.rsplit(".", 1))))
        self.assertEqual((found.kind, found.problems), ("joblib", ()))
        self.assertEqual(
            found.names, (ORDERED, "joblib.numpy_pickle.NumpyArrayWrapper", "numpy.dtype", "numpy.ndarray")
        )

    def test_characters_take_four_bytes(self) -> None:
        for dtype, width in (("U", 4), ("S", 1), ("f", 1)):
            data = joblib_array(b"\xff" * 2 * width, itemsize=2, dtype=dtype)
            self.assertIn(ORDERED, listed(raw(data + b"0" + stack_global(*ORDERED.rsplit(".", 1)))).names)

    def test_arrays_of_objects_are_pickles_within(self) -> None:
        found = listed(raw(joblib_array(MODEL, itemsize=8, padding=None, dtype="O")))
        self.assertEqual((found.kind, found.problems), ("joblib", ()))
        self.assertIn(ORDERED, found.names)

    def test_a_size_that_cannot_be_told_is_a_problem(self) -> None:
        for dtype in ("V", "T", "U0x"):
            data = raw(joblib_array(b"", itemsize=8, dtype=dtype).replace(text("shape"), text("forms")))
            self.assertIn("array-unclear", codes(listed(data)))

    def test_a_wrapper_made_in_a_roundabout_way_is_a_problem(self) -> None:
        wrapper = stack_global("joblib.numpy_pickle", "NumpyArrayWrapper")
        body = call(call(stack_global("functools", "partial"), wrapper)) + b"}b"
        self.assertEqual(codes(listed(raw(body))), ["array-unclear"])


class Containers(unittest.TestCase):
    def test_compressed_files_are_read_through(self) -> None:
        packed = {
            "joblib": zlib.compress(MODEL),
            "gzip": gzip.compress(MODEL),
            "bz2": bz2.compress(MODEL),
            "xz": lzma.compress(MODEL),
            "lzma": lzma.compress(MODEL, lzma.FORMAT_ALONE),
        }
        for kind, data in packed.items():
            with self.subTest(kind):
                for stream in (io.BytesIO(data), Unseekable(data)):
                    found = list_pickles_in(stream)
                    self.assertEqual((found.kind, found.names, found.problems), (kind, (ORDERED,), ()))

    def test_several_streams_are_one(self) -> None:
        half = len(MODEL) // 2
        for compress in (gzip.compress, bz2.compress, lzma.compress):
            for between in (b"", bytes(4)):
                packed = compress(MODEL[:half]) + between + compress(MODEL[half:])
                self.assertEqual(listed(packed).names, (ORDERED,))

    def test_a_header_cannot_ask_for_gigabytes(self) -> None:
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
        data = lzma.compress(MODEL, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
        self.assertEqual(listed(data).names, (ORDERED,))
        greedy = lzma.LZMACompressor(filters=filters)
        self.assertEqual(codes(listed(greedy.compress(MODEL) + greedy.flush())), ["too-large"])

    def test_what_cannot_be_unpacked_here_is_said(self) -> None:
        for kind, magic in (("lz4", b"\x04\x22\x4d\x18"), ("zstd", b"\x28\xb5\x2f\xfd")):
            found = listed(magic + bytes(50))
            self.assertEqual((found.kind, codes(found)), (kind, ["unreadable"]))
            self.assertIn(kind, str(found.problems[0]))

    def test_zips_npz_and_torch_archives(self) -> None:
        files = {"a/data.pkl": MODEL, "a/version": b"3\n", "a/data/0": bytes(1000)}
        cases = [("torch", files), ("npz", {"x.npy": npy(MODEL)}), ("zip", {"model.pkl": MODEL})]
        for kind, members in cases:
            for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
                with self.subTest(kind, method=method):
                    data = zipped(members, method)
                    for whole in (io.BytesIO(data), Unseekable(gzip.compress(data))):
                        found = list_pickles_in(whole)
                        self.assertEqual((found.names, found.problems), ((ORDERED,), ()))
                    self.assertEqual(listed(data).kind, kind)
                    self.assertEqual(listed(data).globals[0].member, next(iter(members)))

    def test_zips_within_zips(self) -> None:
        data = MODEL
        for level in range(4):
            data = zipped({f"level{level}": data})
        self.assertEqual(listed(data).globals[0].member, "level3/level2/level1/level0")
        for level in range(4, 8):
            data = zipped({f"level{level}": data})
        self.assertEqual(codes(listed(data)), ["too-deep"])

    def test_zips_that_readers_disagree_on_are_read_and_said(self) -> None:
        data = zipped({"model.pkl": MODEL})
        central = data.rindex(b"PK\1\2")
        changes = {
            "another name": data.replace(b"model.pkl", b"model.txt", 1),
            "another method": data[:8] + b"\x08" + data[9:],
            "another size": data[:18] + b"\x01" + data[19:],
            "encrypted": data[: central + 8] + b"\x01" + data[central + 9 :],
            "something before it": b"#!/bin/sh\n" + data,
        }
        for change, changed in changes.items():
            with self.subTest(change):
                found = listed(changed)
                self.assertEqual(found.names, (ORDERED,))
                self.assertEqual(codes(found), ["inconsistent"])

    def test_a_method_or_lock_that_cannot_be_read_is_said(self) -> None:
        data = zipped({"model.pkl": MODEL}, zipfile.ZIP_LZMA)
        self.assertEqual(codes(listed(data)), ["unreadable"])
        data = zipped({"model.pkl": MODEL})
        both = bytearray(data)
        both[6] = both[data.rindex(b"PK\1\2") + 8] = 1
        self.assertIn("unreadable", codes(listed(bytes(both))))

    def test_a_directory_that_lies_is_said(self) -> None:
        data = zipped({"a.pkl": MODEL, "b.pkl": MODEL})
        end = data.rindex(b"PK\5\6")
        fewer = data[: end + 8] + b"\1\0\1\0" + data[end + 12 :]
        self.assertEqual(codes(listed(fewer)), ["inconsistent"])

    def test_npy_of_numbers_and_of_objects(self) -> None:
        numbers = listed(npy(struct.pack("<d", 0.5), "<f8"))
        self.assertEqual((numbers.kind, numbers.names, numbers.problems), ("npy", (), ()))
        self.assertEqual(listed(npy(MODEL)).names, (ORDERED,))

    def test_tars(self) -> None:
        data = tar_of("a/model.pkl", MODEL)
        for whole in (data, gzip.compress(data)):
            found = listed(whole)
            self.assertEqual((found.names, found.globals[0].member), ((ORDERED,), "a/model.pkl"))

    def test_a_path_and_a_stream_give_the_same(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pkl"
            path.write_bytes(b"skipped" + MODEL)
            stream = io.BytesIO(b"skipped" + MODEL)
            stream.seek(7)
            self.assertEqual(list_pickles_in(stream).names, (ORDERED,))
            self.assertEqual(stream.closed, False)
            path.write_bytes(MODEL)
            self.assertEqual(list_pickles(path), list_pickles_in(io.BytesIO(MODEL), str(path)))
            with self.assertRaises(FileNotFoundError):
                list_pickles(path.with_name("absent"))


class WhatIsNoPickle(unittest.TestCase):
    def test_texts_tables_and_models_of_other_formats(self) -> None:
        texts = [
            b"",
            b"import os\nimport sys\nprint(1)\n",
            b"class Foo:\n    pass\n",
            b"count,value\n1,2\n",
            b"cat\ndog\nemu\n",
            b"chair\ntable\nlamp\n",
            b'{"a": [1, 2]}',
            b"(see below)\nin the end\n",
            b"tree\nversion=v4\nnum_class=1\n",
            b"x,y\n1,2\n",
            b"x^2\n",
            b"I am\nNot a pickle.\n",
            b"]\0 no lzma",
            b"BZh9 no bz2",
            b"\x1f\x8b\x08 no gzip",
            b"PK\3\4 no zip",
            b"\x80\x04 no pickle",
            b"\x08\x07\x12\x07pytorch",
            b"\x7fELF\2\1\1",
            b"\x89PNG\r\n\x1a\n",
            *(bytes([byte]) * 3000 for byte in range(256) if byte != ord(".")),
        ]
        for data in texts:
            with self.subTest(data[:30]):
                self.assertEqual(listed(data), PickleListing("", "none"))

    def test_huge_files_are_known_by_their_first_bytes(self) -> None:
        class Huge(io.RawIOBase):
            """A terabyte of floats, of which hardly anything may be asked for."""

            asked = position = 0

            def readable(self) -> bool:
                return True

            def seekable(self) -> bool:
                return True

            def seek(self, offset: int, whence: int = 0) -> int:
                self.position = offset + (0, self.position, 1 << 40)[whence]
                return self.position

            def readinto(self, buffer: Any) -> int:
                size = len(buffer)
                buffer[:] = (struct.pack("<d", 0.7) * (size // 8 + 1))[:size]
                self.asked += size
                self.position += size
                return size

        huge = Huge()
        self.assertEqual(list_pickles_in(huge).kind, "none")  # type: ignore[arg-type]
        self.assertLess(huge.asked, 500_000)


class DamageAndLimits(unittest.TestCase):
    def test_truncated_anywhere_what_came_before_is_listed(self) -> None:
        data = pickle.dumps([Thing(), collections.OrderedDict(a=1)])
        whole = set(listed(data).names)
        for size in range(len(data)):
            found = listed(data[:size])
            self.assertLessEqual(set(found.names), whole)
            if found.names:
                self.assertEqual(codes(found), ["truncated"])

    def test_damage_after_a_global_is_said(self) -> None:
        self.assertEqual(codes(listed(raw(stack_global("a", "b") + b"\xff"))), ["undecodable"])

    def test_damaged_compression_is_said_where_a_pickle_was_in_it(self) -> None:
        data = gzip.compress(pickle.dumps([Thing(), [str(number) for number in range(20_000)]]))
        found = listed(data[: len(data) // 2])
        self.assertEqual(codes(found), ["damaged", "truncated"])
        self.assertIn(f"{Thing.__module__}.Thing", found.names)

    def test_bombs_stop_at_the_limit(self) -> None:
        bomb = gzip.compress(b"V" + bytes(30 << 20) + b"\n0" + stack_global("os", "system"))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        found = listed(bomb, Limits(unpacked=10 << 20))
        self.assertEqual(codes(found), ["too-large"])
        self.assertLess(tracemalloc.get_traced_memory()[1], 4 << 20)
        self.assertIn("os.system", listed(bomb).names)

    def test_values_of_any_size_are_stepped_over(self) -> None:
        claims = b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x"
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertEqual(listed(claims).names, ())
        for opcode in (b"\x8e", b"\x8d", b"\x96"):
            data = raw(opcode + struct.pack("<Q", 20 << 20) + bytes(20 << 20) + b"0" + stack_global("os", "system"))
            tracemalloc.reset_peak()
            with io.BytesIO(data) as stream:
                before = tracemalloc.get_traced_memory()[0]
                self.assertIn("os.system", list_pickles_in(stream).names)
                self.assertLess(tracemalloc.get_traced_memory()[1] - before, 4 << 20)

    def test_stack_opcodes_names_pickles_and_members_are_bounded(self) -> None:
        cases = [
            (raw(b"N" * 200), Limits(stack=100)),
            (raw(b"N0" * 200), Limits(opcodes=100)),
            (raw(b"".join(stack_global("a", f"b{number}") for number in range(20))), Limits(globals=10)),
            (pickle.dumps(1) * 20, Limits(pickles=10)),
            (zipped({f"{number}": MODEL for number in range(20)}), Limits(members=10)),
            (tar_of("x", MODEL), Limits(members=0)),
            (gzip.compress(zipped({"x": bytes(5000)})), Limits(spooled=100)),
        ]
        for data, limits in cases:
            self.assertIn("too-large", codes(listed(data, limits)), limits)

    def test_depth_needs_no_recursion(self) -> None:
        data = raw(b"N" + b"\x85" * 300_000 + stack_global("os", "system"))
        self.assertEqual(listed(data).names, ("os.system",))

    def test_every_problem_has_words(self) -> None:
        for code, words in MEANINGS.items():
            self.assertRegex(code, r"^[a-z-]+$")
            self.assertTrue(words)


if __name__ == "__main__":
    unittest.main()
