"""The compatibility rule of the contracts, as a function over JSON Schemas.

Within one schema version a caller of yesterday must go on working with a worker of today:

- an input that was accepted is accepted: nothing becomes required, nothing vanishes, limits only widen, choices only
  grow;
- an answer can be read as before: nothing vanishes or becomes optional, values only narrow, choices never grow. New
  fields are welcome: readers leave out what they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

Side = Literal["input", "output"]
Schema = dict[str, Any]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_FIXED = ("pattern", "format", "const", "uniqueItems")


def breaks(old: Schema, new: Schema, side: Side) -> list[str]:
    """One sentence per promise that `new` does not keep; empty when callers of `old` go on working."""
    return list(_Comparison(old, new, side).compare(old, new, "$"))


class _Comparison:
    def __init__(self, old: Schema, new: Schema, side: Side) -> None:
        self._old_root, self._new_root, self._side = old, new, side
        self._seen: set[tuple[str, str]] = set()

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if all(pair):
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = _resolved(old, self._old_root), _resolved(new, self._new_root)
        if "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(_options(old), _options(new), path)
            return
        yield from self._types(old, new, path)
        yield from self._choices(old, new, path)
        yield from self._limits(old, new, path)
        yield from self._properties(old, new, path)
        for part in ("items", "additionalProperties", "propertyNames"):
            if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
                yield from self.compare(old[part], new[part], f"{path}[]")

    def _alternatives(self, old: list[Schema], new: list[Schema], path: str) -> Iterator[str]:
        """Every alternative that must still be there has its like on the other side."""
        must, have = (old, new) if self._side == "input" else (new, old)
        for each in must:
            fits = [
                not list(_Comparison(self._old_root, self._new_root, self._side).compare(*pair, path))
                for other in have
                for pair in ([(each, other)] if self._side == "input" else [(other, each)])
            ]
            if not any(fits):
                what = "is no longer accepted" if self._side == "input" else "is new, and old readers do not know it"
                yield f"{path}: {each.get('type') or each.get('$ref') or each} {what}"

    def _types(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        one, other = old.get("type"), new.get("type")
        widened = {("integer", "number")} if self._side == "input" else {("number", "integer")}
        if one != other and (one, other) not in widened and not (self._side == "input" and other is None):
            yield f"{path}: the type was {one} and is {other}"

    def _choices(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        was, now = _choices(old), _choices(new)
        if self._side == "input" and now is not None:
            lost = sorted(map(str, (was or {"anything"}) - now))
            if lost:
                yield f"{path}: {', '.join(lost)} is no longer accepted"
        if self._side == "output" and was is not None:
            added = sorted(map(str, (now or {"anything"}) - was))
            if added:
                yield f"{path}: {', '.join(added)} is new, and old readers do not know it"

    def _limits(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        for name in (*_LOWER, *_UPPER):
            was, now = old.get(name), new.get(name)
            if was == now:
                continue
            is_wider = now is None or (was is not None and (now < was if name in _LOWER else now > was))
            if is_wider != (self._side == "input"):
                yield f"{path}: {name} was {was} and is {now}"
        for name in _FIXED:
            was, now = old.get(name), new.get(name)
            is_freed = now is None if self._side == "input" else was is None
            if was != now and not is_freed:
                yield f"{path}: {name} was {was} and is {now}"

    def _properties(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        was, now = old.get("properties", {}), new.get("properties", {})
        for name in was.keys() - now.keys():
            yield f"{path}.{name} is gone"
        required, still = set(old.get("required", ())), set(new.get("required", ()))
        if self._side == "input":
            for name in sorted(still - required):
                yield f"{path}.{name} is required now"
        else:
            for name in sorted((required - still) & now.keys()):
                yield f"{path}.{name} may be missing now"
        for name in was.keys() & now.keys():
            yield from self.compare(was[name], now[name], f"{path}.{name}")


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Schema = root["$defs"][reference.rsplit("/", 1)[-1]]
    return _resolved(found, root)


def _options(schema: Schema) -> list[Schema]:
    return list(schema["anyOf"]) if "anyOf" in schema else [schema]


def _choices(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None
