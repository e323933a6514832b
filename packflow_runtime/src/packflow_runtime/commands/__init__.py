"""The subcommands of an archive and of ``python -m packflow_runtime``, one module each.

A module has ``DESCRIPTION`` (its help), ``add_options(parser)`` and ``answer(target, options)``, which returns the exit
code and raises PackflowError. ``NEEDS_COPY`` says that an archive is extracted to the cache first, ``TAKES_PROJECT``
that from outside of an archive the command works on a project too. From there the words begin with the archive; a
module that has ``add_options_outside(parser)`` adds all of them itself, and is given no target where it names none.
"""
