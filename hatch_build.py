"""Put the runtime into the app's wheel: the app never depends on an installed packflow-runtime.

As a wheel, which goes into environments and archives, and as the same files beside it, which the app itself imports.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RuntimeBundle(BuildHookInterface):  # type: ignore[type-arg]
    """Builds packflow_runtime/ and adds it as packflow_app/bundled/*.whl and packflow_app/bundled/runtime/."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Hatchling's entry point, called before a target is built."""
        if self.target_name != "wheel":
            return  # the sdist carries the sources
        if version == "editable":
            # A checkout builds the wheel when it is wanted, from the sources as they are then.
            flit_core = next(name for name in self.metadata.build.requires if name.startswith("flit_core"))
            build_data["dependencies"].append(flit_core)
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from packflow_app.runtime_wheel import build_runtime_wheel  # noqa: PLC0415 - the sources being built

        wheel = build_runtime_wheel(root / "packflow_runtime", root / "build" / "bundle")
        copy = wheel.parent / "runtime"
        shutil.rmtree(copy, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(copy, [name for name in archive.namelist() if name.startswith("packflow_runtime/")])
        build_data["force_include"] |= {
            str(wheel): f"packflow_app/bundled/{wheel.name}",
            str(copy): "packflow_app/bundled/runtime",
        }
