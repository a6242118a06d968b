"""Refuses YAML with repeated keys, and YAML that would exhaust memory or take minutes to load."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UsageError, shown
from pipeline.input_limits import YAML_DEPTH, YAML_DIGITS, YAML_NODES

PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAP, _MERGE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:merge"


class UniqueKeys(PARSER):  # type: ignore[misc]
    """Safe YAML loader that refuses repeated keys; plain YAML silently keeps the last one.

    Examples
    --------
    >>> yaml.load("a: 1", Loader=UniqueKeys)
    {'a': 1}
    """


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    own = [key for key, _ in node.value if key.tag != _MERGE]
    seen: set[Any] = set()
    for key in own:
        name = loader.construct_object(key, deep=True)
        repeated = isinstance(key, yaml.ScalarNode) and name in seen
        if repeated:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key '{shown(str(name))}' is repeated", key.start_mark
            )
        if isinstance(key, yaml.ScalarNode):
            seen.add(name)
    return dict(loader.construct_mapping(node, deep=True))


UniqueKeys.add_constructor(_MAP, _mapping)


def refuse_unsafe(events: Iterable[yaml.Event], path: Path) -> None:
    """Refuse deep nesting, numbers with too many digits, and references that multiply.

    Parameters
    ----------
    events : iterable of yaml.Event
    path : Path
        Named in the message.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> refuse_unsafe(yaml.parse("a: [1, 2]"), Path("a.yaml"))
    """
    open_nodes: list[tuple[str, int]] = []  # anchor, and number of the node
    sizes: dict[str, int] = {}
    count = 0
    for event in events:
        place = f"{path} line {event.start_mark.line + 1}" if event.start_mark else str(path)
        if isinstance(event, yaml.CollectionEndEvent):
            closed, first = open_nodes.pop()
            if closed:
                sizes[closed] = count - first + 1
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        anchor = event.anchor or ""
        count += sizes.get(anchor, 1) if isinstance(event, yaml.AliasEvent) else 1
        if isinstance(event, yaml.AliasEvent) and anchor in {name for name, _ in open_nodes}:
            raise UsageError(
                f"{place}: *{shown(anchor)} contains itself; replace the reference by its content"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((anchor, count))
        if isinstance(event, yaml.ScalarEvent):
            sizes.pop(anchor, None)
            _refuse_digits(event, place)
        if len(open_nodes) > YAML_DEPTH:
            raise UsageError(
                f"{place} is nested more than {YAML_DEPTH} levels deep; use fewer levels"
            )
        if count > YAML_NODES:
            raise UsageError(
                f"{place}: with its references the file has more than {YAML_NODES:,} values; "
                "replace references by their content"
            )


def _refuse_digits(event: yaml.ScalarEvent, place: str) -> None:
    number = event.implicit[0] and event.value.lstrip("+-")[:1].isdigit()
    if number and len(event.value) > YAML_DIGITS:
        raise UsageError(
            f"{place}: a number has {len(event.value):,} characters; at most {YAML_DIGITS} are "
            "accepted. Correct it, or put text in quotes"
        )
