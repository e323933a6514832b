"""The subcommands of an archive and of ``python -m packflow_runtime``, one module each.

A module has ``DESCRIPTION`` (its help), ``add_options(parser)`` and ``answer(target, options)``, which returns the exit
code and raises PackflowError. ``NEEDS_COPY`` says that an archive is extracted to the cache first.
"""
