"""Messages made wrong on purpose: a good one, changed at one to three places; each carries its mark where it can."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.guards.wire import Wire, redis_item

_TASKS = ("storehand.nobody", "storehand.", "shop.task", "celery.map", "celery.chord", "", "\x00", "storehand.probe\n")
_HEADERS = (
    "lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries", "timelimit", "root_id",
    "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting", "stamped_headers",
    "stamps", "storehand", "storehand_signature", "redelivered", "clock", "hostname", "args", "kwargs",
)  # fmt: skip
_CONTENT_TYPES = (
    "text/plain", "application/x-python-serialize", "application/x-yaml", "application/x-msgpack", "application/data",
    "x/y", "", "application/json; charset=latin-1", "\x00", "application/x-storehand-refused", None,
)  # fmt: skip
_ENCODINGS = ("binary", "utf-16", "latin-1", "rot13", "idna", "nobody", "", "\x00", "hex", "base64", "zlib", None)
_COMPRESSIONS = ("gzip", "zlib", "bzip2", "lzma", "xz", "zstd", "brotli", "nobody", "application/x-gzip", "")
_BODIES = (
    "", " ", "null", "[]", "{}", "[[],{}]", "[[],{},{},{}]", '[[],{},"x"]', "[[],[],{}]", "[null,null,null]", "NaN",
    "[" * 5000, "[" * 3000 + "]" * 3000, '{"task": "storehand.probe", "id": "v1", "args": [], "kwargs": {}}',
    "1" * 5000, '{"a": ' * 800 + "1" + "}" * 800, '"text"', "[[],{},{}] trailing", "\ufeff[[],{},{}]", "[1e999,{},{}]",
    '[[],{"jobs": []},{}]', '[[],{"jobs": [5]},{}]', '[[],{"jobs": "abc"},{}]', '[[],{"inputs": []},{}]',
)  # fmt: skip

_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=12),
    st.sampled_from(["\ud800", "\x00", "a" * 3000, 10**400, -(2**80), "../../etc/passwd", "\n"]),
)  # fmt: skip
_junk = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_signatures = st.fixed_dictionaries(
    {"task": st.sampled_from(("storehand.probe", "celery.chain", "shop.next", "probe", 5, None)) | _junk},
    optional={
        "args": _junk,
        "kwargs": _junk,
        "options": st.fixed_dictionaries({}, optional={"link": _junk}),
        "subtask_type": _junk,
    },
)


@dataclass
class Draft:
    """A good message in pieces, before it is spoilt."""

    mark: str
    headers: dict[str, Any] = field(default_factory=dict)
    args: Any = field(default_factory=list)
    kwargs: Any = field(default_factory=dict)
    embed: Any = field(default_factory=dict)
    body: bytes | None = None
    content_type: Any = "application/json"
    content_encoding: Any = "utf-8"
    item: Callable[[dict[str, Any]], bytes] | None = None


Change = Callable[[Draft], None]


def _header(name: str, value: Any) -> Change:
    return lambda draft: draft.headers.__setitem__(name, value)


def _no_header(name: str) -> Change:
    return lambda draft: draft.headers.pop(name, None)


def _field(name: str, value: Any) -> Change:
    return lambda draft: setattr(draft, name, value)


def _kwarg(name: str, value: Any) -> Change:
    return lambda draft: draft.kwargs.__setitem__(name, value) if isinstance(draft.kwargs, dict) else None


def _input(name: str, value: Any) -> Change:
    return lambda draft: draft.kwargs["input"].__setitem__(name, value)


def _embed(name: str, value: Any) -> Change:
    return lambda draft: draft.embed.__setitem__(name, value) if isinstance(draft.embed, dict) else None


def _cut(at: int) -> Change:
    def cut(draft: Draft) -> None:
        draft.body = draft.mark.encode() + _json([draft.args, draft.kwargs, draft.embed])[:at]

    return cut


def _bytes(value: bytes) -> Change:
    return lambda draft: setattr(draft, "body", value + draft.mark.encode())


_names = st.sampled_from(_HEADERS) | st.text(min_size=1, max_size=8)
_callbacks = st.lists(_signatures, max_size=2) | _signatures | _junk
_in_the_body: st.SearchStrategy[Change] = st.one_of(
    st.builds(_input, st.sampled_from(("mode", "other", "\x00", "@type")), _junk),
    st.builds(_kwarg, st.sampled_from(("options", "inputs", "extra", "args")), _junk),
    st.builds(
        _kwarg,
        st.just("options"),
        st.dictionaries(st.sampled_from(("tenant", "priority", "deadline", "idempotency_key", "x")), _junk, min_size=1),
    ),
    st.builds(_field, st.just("args"), _junk),
    st.builds(_field, st.just("embed"), _junk),
    st.builds(_embed, st.sampled_from(("callbacks", "errbacks", "chain", "chord")), _callbacks),
)
_around_it: st.SearchStrategy[Change] = st.one_of(
    st.builds(_header, _names, _junk),
    st.builds(_no_header, st.sampled_from(("task", "id", "lang"))),
    st.builds(_header, st.just("task"), st.sampled_from(_TASKS)),
    st.builds(_header, st.just("timelimit"), st.lists(_junk, max_size=3)),
    st.builds(
        _header, st.sampled_from(("eta", "expires")), st.sampled_from(("1999-01-01T00:00:00", "tomorrow", 0, -1))
    ),
    st.builds(_header, st.just("compression"), st.sampled_from(_COMPRESSIONS)),
    st.builds(_field, st.just("content_type"), st.sampled_from(_CONTENT_TYPES)),
    st.builds(_field, st.just("content_encoding"), st.sampled_from(_ENCODINGS)),
    st.builds(_cut, st.integers(1, 60)),
    st.builds(_bytes, st.binary(max_size=30)),
)
_instead_of_the_body: st.SearchStrategy[Change] = st.builds(
    _field,
    st.just("body"),
    st.sampled_from([body.encode() for body in _BODIES]) | _junk.map(lambda value: _json(value)),
)


def _item(change: str, path: tuple[str, ...], value: Any) -> Change:
    def spoil(item: dict[str, Any]) -> bytes:
        inner = item
        for name in path[:-1]:
            inner = inner[name]
        if change == "delete":
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = value
        return _json(item)

    return lambda draft: setattr(draft, "item", spoil)


_ITEM_PATHS = (
    ("body",), ("headers",), ("properties",), ("content-type",), ("content-encoding",), ("properties", "delivery_tag"),
    ("properties", "delivery_info"), ("properties", "body_encoding"), ("properties", "priority"),
    ("properties", "delivery_info", "routing_key"), ("properties", "reply_to"), ("properties", "correlation_id"),
)  # fmt: skip
_of_the_item: st.SearchStrategy[Change] = st.builds(
    _item, st.sampled_from(("delete", "set", "set")), st.sampled_from(_ITEM_PATHS), _junk
)


def wires(mark: Callable[[], str]) -> st.SearchStrategy[tuple[str, Wire]]:
    """A mark and its message. The mark stays in the body, or the header `id` stays it."""
    spoilt = st.one_of(
        st.lists(_in_the_body | _around_it, min_size=1, max_size=3),
        st.tuples(_instead_of_the_body),
        st.tuples(_of_the_item),
    )
    return spoilt.map(lambda changes: _wire(mark(), changes))


def _wire(mark: str, changes: Any) -> tuple[str, Wire]:
    draft = Draft(mark, {"task": "storehand.probe", "id": mark, "lang": "py"}, kwargs={"input": {"text": mark}})
    for change in changes:
        change(draft)
    body = _json([draft.args, draft.kwargs, draft.embed]) if draft.body is None else draft.body
    wire = Wire(body, draft.headers, draft.content_type, draft.content_encoding)
    if draft.item is None:
        return mark, wire
    return mark, Wire(body, draft.headers, item=draft.item({**redis_item(wire), "mark": mark}))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
