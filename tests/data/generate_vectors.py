"""Write the conformance vectors of docs/archive-format.md: small archives, and ``index.json`` with their verdicts.

    PYTHONPATH=packflow_runtime/src:tests python tests/data/generate_vectors.py

A vector that is there stays as it is: readers have been tried on it. New ones are added. A changed verdict is a changed
format.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from packflow_runtime.manifest import MANIFEST_NAME, Parity, Provenance, canonical_json
from runtime.archives import Files, archive_of, manifest_of, tiny_files, zipped
from runtime.hostile_archives import hostile_archives

FOLDER = Path(__file__).resolve().parent / "vectors"
_LARGEST = 64 * 1024
_GOLDEN = {"packflow-info/golden/inputs.ndjson": b'{"n":1}\n', "packflow-info/golden/outputs.ndjson": b'{"n":2}\n'}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    index_path = FOLDER / "index.json"
    index: dict[str, dict[str, Any]] = json.loads(index_path.read_bytes()) if index_path.exists() else {}
    for name, data in valid_archives().items():
        add(index, f"valid-{name}.zip", data, {"verdict": "accept", "why": name.replace("-", " ")})
    seen = {told.get("reason") for told in index.values()}
    for hostile in hostile_archives(tiny()):
        if hostile.reason not in seen and len(hostile.data) <= _LARGEST:
            seen.add(hostile.reason)
            why = {"verdict": "refuse", "reason": hostile.reason, "why": f"{hostile.kind}: {hostile.what}"}
            add(index, f"invalid-{hostile.reason}.zip", hostile.data, why)
    index_path.write_bytes(canonical_json(index))


def add(index: dict[str, dict[str, Any]], name: str, data: bytes, told: dict[str, Any]) -> None:
    if name not in index:
        (FOLDER / name).write_bytes(data)
        index[name] = told


def tiny(more: Files | None = None, **claims: Any) -> bytes:
    files = {**tiny_files(), **(more or {})}
    return archive_of(files, manifest_of(files, runtime_version="0.1.0", **claims))


def valid_archives() -> dict[str, bytes]:
    files = tiny_files()
    later = json.loads(manifest_of(files, runtime_version="0.1.0").to_bytes())
    later["a_field_of_a_later_version"] = {"of": ["any", "shape"], "empty": {}, "none": []}
    long_path = "/".join(["d" * 14] * 60)
    config = {"name": "tiny", "version": "1.0", "stateful": "true", "env": {"A": "b"}, "maintainers": ["x", "y z"]}
    yaml = b"# a comment\nname: tiny\nversion: '1.0'\nstateful: true\nenv:\n  A: b\nmaintainers: [x, \"y z\"]\n"
    return {
        "least": tiny(),
        "empty-files": tiny({"project/empty": b"", "project/z": b""}),
        "names-in-unicode": tiny({"project/é/模型 🔥.bin": b"x", "project/straße": b"x"}),
        "names-that-only-look-odd": tiny(
            {f"project/{name}": b"" for name in ("...a", "-rf", "com10", "a~1", "con_", "a b")}
        ),
        "longest-names": tiny({f"project/{'x' * 255}": b"x", f"project/{long_path}": b"x"}),
        "bytes-that-look-like-headers": tiny({"project/a.bin": b"PK\5\6" + bytes(18) + b"PK\1\2PK\3\4PK\6\6PK\6\7"}),
        "golden-events": tiny(_GOLDEN, golden_events=1),
        "all-claims": tiny(
            requirements=["numpy==2.1.0"],
            pickle_allowlist=["collections.OrderedDict"],
            provenance=Provenance("0" * 40, clean=True),
            created="2026-01-01T00:00:00Z",
            parity=Parity(equal=False, events=2**70, rule={"rtol": 1e-05, "ignore": ["a", 'é\n"\\\u007f']}),
        ),
        "no-parity": tiny(parity=None),
        "configuration-in-another-spelling": tiny({"project/packflow.yaml": yaml}, config=config, stateful=True),
        "fields-of-a-later-version": zipped({**files, MANIFEST_NAME: canonical_json(later)}),
        "zip-in-zip": tiny({"project/inner.zip": tiny()}),
    }


if __name__ == "__main__":
    main()
