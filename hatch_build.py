"""Put the runtime's wheel into the app's wheel: the app never depends on an installed packflow-runtime."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RuntimeBundle(BuildHookInterface):  # type: ignore[type-arg]
    """Builds packflow_runtime/ and adds it as packflow_app/bundled/*.whl."""

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
        build_data["force_include"][str(wheel)] = f"packflow_app/bundled/{wheel.name}"
