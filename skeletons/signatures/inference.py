"""Look for known patterns in the text of events: which rules match, in which fields, and how severe the worst is."""

import json
import re

from packflow_runtime import BackendConfig, InferenceBackend


class Config(BackendConfig):
    """What an operator may set; packflow.yaml holds the values."""

    rules: str = "artifacts/rules.json"
    """A JSON array of rules: ``name``, ``pattern``, ``severity`` and, for some fields alone, ``fields``."""
    max_length: int = 4096
    """Characters of a text that are searched: a pattern's time may grow with the square of them."""
    most_matches: int = 20
    """Matches that an output lists; all of them count for its severity."""


class Backend(InferenceBackend):
    """Regular expressions over every text of an event, however deep it lies."""

    backend_config_model = Config

    def initialize(self):
        """Compile every rule; one that is wrong is named, so that a typing error never passes for "no match"."""
        path = self.project_dir / self.config.rules
        self.rules = [compiled(rule) for rule in json.loads(path.read_text(encoding="utf-8"))]

    def execute(self, inputs):
        """Return one output per event, in order."""
        return [self.search(event) for event in inputs]

    def search(self, event):
        """Search one event on its own."""
        matches = []
        for field, text in texts(event):
            searched = text[: self.config.max_length]
            for name, severity, pattern, fields in self.rules:
                if fields and field not in fields and field.rpartition(".")[2] not in fields:
                    continue
                found = pattern.search(searched)
                if found:
                    matches.append({"rule": name, "severity": severity, "field": field, "text": found[0][:100]})
        matches.sort(key=lambda match: -match["severity"])
        return {
            "severity": matches[0]["severity"] if matches else 0,
            "count": len(matches),
            "matches": matches[: self.config.most_matches],
        }


def compiled(rule):
    """A rule ready to search with; raises ValueError that names it."""
    try:
        return (
            rule["name"],
            int(rule.get("severity", 1)),
            re.compile(rule["pattern"]),
            frozenset(rule.get("fields", ())),
        )
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise ValueError(f"the rule {rule!r} is wrong: {error!r}") from error


def texts(event):
    """Every text in an event with its path, in the event's order; the items of a list share the list's path."""
    waiting = [("", event)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            waiting.extend((f"{path}.{key}" if path else key, item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend((path, item) for item in reversed(value))
