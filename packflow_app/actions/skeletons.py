"""Tell which skeletons there are, and what one holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.projects.rendering import project_files
from packflow_app.projects.skeletons import opened_skeleton, own_skeletons

if TYPE_CHECKING:
    from packflow_app.projects.skeletons import Skeleton


@dataclass(frozen=True)
class ShownSkeleton:
    """A skeleton, and the files that a project gets of it."""

    skeleton: Skeleton
    files: list[str]


def list_skeletons() -> list[Skeleton]:
    """The skeletons that come with Packflow."""
    return own_skeletons()


def show_skeleton(kind: str) -> ShownSkeleton:
    """One skeleton by its name, its folder or its git repository; raises NotFoundError."""
    with opened_skeleton(kind) as skeleton:
        return ShownSkeleton(skeleton, project_files(skeleton))
