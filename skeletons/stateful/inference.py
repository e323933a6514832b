"""Count events over a moving window, each value of a field apart: an output depends on the events before it."""

from bisect import bisect_right, insort
from collections import OrderedDict
from datetime import datetime, timezone

from packflow_runtime import BackendConfig, InferenceBackend


class Config(BackendConfig):
    """What an operator may set; packflow.yaml holds the values."""

    key: str = ""
    """The path of the field whose values are counted apart, such as ``src.ip``; empty: all events together."""
    time: str = ""
    """The path of the field with the event's time (seconds, or ISO 8601); empty: each event is one second later."""
    window: float = 60.0
    """Seconds that count."""
    threshold: int = 20
    """From this many events within the window on, an event counts as unusual."""
    most_keys: int = 100_000
    """Values that are remembered; beyond that the one not seen for longest is forgotten, so that memory stays flat."""


class Backend(InferenceBackend):
    """A window of times for each key, the key seen last at the end."""

    backend_config_model = Config
    stateful = True

    def initialize(self):
        """Begin with empty windows."""
        self.windows = OrderedDict()
        self.clock = 0.0  # the latest time seen: an event that comes late does not turn it back

    def execute(self, inputs):
        """Count one event after another, in their order."""
        return [self.count(event) for event in inputs]

    def count(self, event):
        """Take one event into its window; what does not fit raises before anything has changed."""
        key = key_of(value_at(event, self.config.key) if self.config.key else None)
        now = seconds(value_at(event, self.config.time)) if self.config.time else self.clock + 1.0
        self.clock = max(self.clock, now)
        times = self.windows.pop(key, [])
        insort(times, now)  # at the end, unless the event comes late
        del times[: bisect_right(times, self.clock - self.config.window)]
        self.windows[key] = times
        while len(self.windows) > self.config.most_keys:
            self.windows.popitem(last=False)
        return {"key": key, "count": len(times), "unusual": len(times) >= self.config.threshold}

    def snapshot(self):
        """Give the state as a JSON value: a checkpoint of a run holds it."""
        return {"clock": self.clock, "windows": [[key, times] for key, times in self.windows.items()]}

    def restore(self, value):
        """Take back what ``snapshot`` gave."""
        self.clock = value["clock"]
        self.windows = OrderedDict((key, list(times)) for key, times in value["windows"])


def value_at(event, path):
    """The value at a path with dots, also where a key has them itself; None where there is none."""
    if path in event:
        return event[path]
    value = event
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def key_of(value):
    """The text that a value is counted under; whatever has no such field is counted together."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def seconds(value):
    """A time in seconds; raises ValueError for what is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    raise ValueError(f"{value!r} is no time")
