"""Numbers that every event has, whatever it is about: the features of the test models."""

from __future__ import annotations

import math


def features(event):
    """Keys, leaves, depth, nulls, log of the text's length, sum of the numbers' logs; six floats."""
    leaves, depth, nulls, text, numbers = 0, 0, 0, 0, 0.0
    stack = [(event, 1)]
    while stack:
        value, level = stack.pop()
        depth = max(depth, level)
        if isinstance(value, dict):
            stack.extend((item, level + 1) for item in value.values())
        elif isinstance(value, list):
            stack.extend((item, level + 1) for item in value)
        else:
            leaves += 1
            nulls += value is None
            text += len(value) if isinstance(value, str) else 0
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                numbers += math.log1p(abs(value))
    return [float(len(event)), float(leaves), float(depth), float(nulls), math.log1p(text), numbers]
