"""Planned runs: whatever the order in which events ran, and however often, their outcomes come back event by event."""

from __future__ import annotations

import unittest

from packflow_runtime.run_plan import PlannedRun, batch_run, planned_runs


class RunPlanTests(unittest.TestCase):
    """An outcome stands for its event and its turn."""

    def test_every_planned_run_gives_back_the_events_in_order(self) -> None:
        for count in (0, 1, 7, 100):
            for planned in [batch_run(count, 8), *planned_runs(count, 8)]:
                with self.subTest(planned.name, count=count):
                    times = 2 if planned.name == "each event twice" else 1
                    found = planned.by_event(planned.events)
                    self.assertEqual(found, [list(range(count))] * (times if count else 0))

    def test_the_times_of_an_event_are_told_apart_by_their_turn(self) -> None:
        planned = PlannedRun("mixed", [[2, 0], [0, 2, 5], [5]])
        self.assertEqual(planned.by_event("abcdef"), [["b", "a", "e"], ["c", "d", "f"]])

    def test_events_that_ran_oftener_than_others_are_refused(self) -> None:
        with self.assertRaises(ValueError):
            PlannedRun("uneven", [[0, 1, 0]]).by_event("abc")
        with self.assertRaises(ValueError):
            PlannedRun("short", [[0, 1]]).by_event("a")


if __name__ == "__main__":
    unittest.main()
