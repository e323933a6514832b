# This file is an archive's __main__.py. Every Python since 2.7 can read it, so that an old one says what is missing. It
# imports nothing but sys while the archive is on the path: a json.py beside it could stand in for the real one.
import sys


def start(root):
    sys.path[:] = [place for place in sys.path if place != root]
    if sys.version_info < (3, 10):
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.stderr.write("This archive needs Python 3.10 or later; this is Python " + found + ".\n")
        sys.stderr.write("Next: run it with a newer Python, such as python3.12.\n")
        return 3
    # Until the command line takes Ctrl-C over, it ends the process without a traceback; _signal is built in.
    import _signal  # type: ignore[import-not-found]

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    import importlib.machinery
    import importlib.util

    # The runtime inside the archive, whatever else is installed under its name.
    spec = importlib.machinery.PathFinder.find_spec("packflow_runtime", [root])
    if spec is None or spec.loader is None:
        sys.stderr.write("This archive is not whole: it has no packflow_runtime.\n")
        return 1
    package = importlib.util.module_from_spec(spec)
    sys.modules["packflow_runtime"] = package
    # An unzipped archive stays as it was checked: no bytecode goes into it.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    spec.loader.exec_module(package)
    from packflow_runtime.bootstrap import start_archive

    sys.dont_write_bytecode = writes
    return start_archive(root)


if __name__ == "__main__":
    sys.exit(start(__file__[: -len("/__main__.py")]))
