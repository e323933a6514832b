"""The backend's logger: both ways of giving arguments, levels, and a host that configures logging itself."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from pathlib import Path

import packflow_runtime

SOURCE = str(Path(packflow_runtime.__file__).parent.parent)


def run(code: str, **variables: str) -> str:
    """Standard error of ``code``, which finds a logger called ``log``, in a fresh isolated Python."""
    program = f"import sys; sys.path.insert(0, {SOURCE!r}); from packflow_runtime.logger import get_logger\n"
    program += "log = get_logger('Model')\n" + code
    environment = {key: value for key, value in os.environ.items() if key != "PACKFLOW_LOG_LEVEL"} | variables
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    return done.stderr


class Logging(unittest.TestCase):
    def test_both_ways_of_giving_arguments(self) -> None:
        text = run(
            "log.info('{} of {}', 1, 2); log.info('%s of %s', 3, 4); log.info('{name} here', name='x')\n"
            "log.info('100% {sure}'); log.info('{} %s', 'a'); log.info({'a': 1}); log.info('{oops} %s', 5)\n"
            "log.info('no place', 6); log.info('{0.gone} {1:d}', 7, None)"
        )
        self.assertEqual(
            text.splitlines(),
            [
                "INFO packflow.Model: 1 of 2",
                "INFO packflow.Model: 3 of 4",
                "INFO packflow.Model: x here",
                "INFO packflow.Model: 100% {sure}",
                "INFO packflow.Model: a %s",
                "INFO packflow.Model: {'a': 1}",
                "INFO packflow.Model: {oops} 5",
                "INFO packflow.Model: no place (6,)",
                "INFO packflow.Model: {0.gone} {1:d} (7, None)",
            ],
        )

    def test_levels(self) -> None:
        names = ["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"]
        code = f"for name in {names}: getattr(log, name.lower())(name)"
        for level, first in (("TRACE", 0), ("DEBUG", 1), ("INFO", 2), ("success", 3), ("ERROR", 5), ("nonsense", 2)):
            with self.subTest(level):
                shown = [line.split()[0] for line in run(code, PACKFLOW_LOG_LEVEL=level).splitlines()]
                self.assertEqual(shown, names[first:])
        self.assertEqual(len(run(code).splitlines()), 5)

    def test_exceptions_come_with_their_traceback(self) -> None:
        text = run("try: 1 / 0\nexcept ZeroDivisionError: log.exception('failed on {}', 7)")
        self.assertTrue(text.startswith("ERROR packflow.Model: failed on 7\nTraceback"))
        self.assertTrue(text.rstrip().endswith("ZeroDivisionError: division by zero"))

    def test_what_loguru_offers_beside(self) -> None:
        text = run(
            "import logging; logging.basicConfig(format='%(extra)s %(message)s')\n"
            "bound = log.bind(model='m').bind(run=7); bound.info('hello {}', 1)"
        )
        self.assertEqual(text, "{'model': 'm', 'run': 7} hello 1\n")
        text = run("try: 1 / 0\nexcept ZeroDivisionError: log.opt(exception=True, colors=True).warning('failed')")
        self.assertTrue(text.startswith("WARNING packflow.Model: failed\nTraceback"))
        self.assertEqual(
            run("lazy = log.opt(lazy=True); lazy.info('{}', lambda: 5); lazy.debug('{}', lambda: 1 / 0)"),
            "INFO packflow.Model: 5\n",
        )
        self.assertEqual(run("get_logger().info('no name')"), "INFO packflow: no name\n")

    def test_a_host_that_configures_logging_gets_each_line_once(self) -> None:
        text = run("import logging; logging.basicConfig(format='HOST %(message)s'); log.info('hello')")
        self.assertEqual(text, "HOST hello\n")

    def test_no_other_logger_is_touched(self) -> None:
        text = run(
            "import logging; sys.stderr.write(f'{logging.getLogger().handlers} {logging.getLogger().level}'"
            " f' {logging.getLogger(\"other\").getEffectiveLevel()}')"
        )
        self.assertEqual(text, "[] 30 30")

    def test_the_rest_of_a_logger_is_there(self) -> None:
        self.assertEqual(run("log.setLevel('ERROR'); log.info('no'); log.error('yes')"), "ERROR packflow.Model: yes\n")


if __name__ == "__main__":
    unittest.main()
