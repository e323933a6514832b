"""Where a new project goes, and whether there is room for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError
from packflow_app.projects.scaffold import check_free, check_project_name

if TYPE_CHECKING:
    from packflow_app.actions.init_options import InitOptions


def check_target(options: InitOptions) -> bool:
    """Whether files are to be added to a folder that holds some; raises UsageError for one that is taken."""
    if options.target is None:
        return False
    check_project_name(options.name or options.target.absolute().name)
    try:
        check_free(options.target)
    except UsageError:
        if options.target.is_dir() and (options.force or options.target == Path()):
            return True
        raise
    return False
