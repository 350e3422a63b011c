"""Rules as the YAML that Prometheus reads: long expressions as blocks, nothing folded. Needs the extra `operation`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from storehand_worker.operation.rules.rule import Group

HEAD = "# Generated from workers/storehand_worker/operation/rules: python -m tests.project.rules --write\n"


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # lists stand under their key


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_yaml(groups: Iterable[Group], *, intervals: bool = True) -> str:
    """A rule file. Without `intervals` every group runs at Prometheus' own pace, as a test may like."""
    listed = [_group(group.as_yaml(), intervals) for group in groups]
    body = yaml.dump({"groups": listed}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return HEAD + body


def _group(group: Mapping[str, Any], intervals: bool) -> dict[str, Any]:
    return {key: value for key, value in group.items() if intervals or key != "interval"}
