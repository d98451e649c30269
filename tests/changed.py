"""A recipe, or a part of one, with some of its numbers changed."""

from __future__ import annotations

import dataclasses
from typing import Any


def changed(part: Any, changes: dict[str, Any]) -> Any:
    """Return a copy of a frozen dataclass with other values.

    changes: by name; a dot leads into a part: {"semantic.optimiser.rate": 0.1}
    """
    for path, value in changes.items():
        name, _, rest = path.partition(".")
        inner = changed(getattr(part, name), {rest: value}) if rest else value
        part = dataclasses.replace(part, **{name: inner})
    return part
