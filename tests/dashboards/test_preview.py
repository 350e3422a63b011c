"""`storehand preview`: variables, legends and units as in Grafana, every kind of panel drawn, what is empty named."""

from __future__ import annotations

import json
import math
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from storehand.cli.app import build_app
from storehand.errors import InvalidInput
from storehand_worker.operation.preview.answers import Answer, legend
from storehand_worker.operation.preview.bands import buckets, draw_states, spells
from storehand_worker.operation.preview.board import Panel as BoardPanel
from storehand_worker.operation.preview.board import Place, Target, parse
from storehand_worker.operation.preview.canvas import Box, Sheet
from storehand_worker.operation.preview.curves import legend_lines
from storehand_worker.operation.preview.figures import draw_bars, draw_numbers, joined_rows
from storehand_worker.operation.preview.scales import log_ticks, ticks
from storehand_worker.operation.preview.source import Series
from storehand_worker.operation.preview.theme import DARK, drawable
from storehand_worker.operation.preview.units import human
from storehand_worker.operation.preview.variables import Window, chosen, filled, joined
from tests.servers import PrometheusServer
from tests.servers.server import program

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.9432, "percentunit", "94.3 %"),
        (0.000126, "percentunit", "0.01 %"),
        (0.0042, "s", "4.2 ms"),
        (90, "s", "1.5 min"),
        (0, "s", "0 s"),
        (3 * 2**30, "bytes", "3 GiB"),
        (12345, "short", "12.3 K"),
        (1234, "si: tok/s", "1.23 ktok/s"),
        (2.5, "suffix: jobs/s", "2.5 jobs/s"),
        (2.0, "none", "2"),
        (NAN, "s", "-"),
        (math.inf, "s", "∞"),
        (7, "furlongs", "7"),
    ],
)
def test_values_are_written_for_people(value, unit, said):
    assert human(value, unit) == said


def test_every_way_to_write_a_variable_is_filled_in_and_strangers_stay():
    text = 'a{p="$pool",q="${pool}",r=~"${pool:regex}",s="[[pool]]"}[$__rate_interval] $other foo$'

    assert filled(text, {"pool": "x", "__rate_interval": "60s"}) == ('a{p="x",q="x",r=~"x",s="x"}[60s] $other foo$')


def test_a_rate_looks_back_four_scrapes_and_steps_are_round():
    window = Window(0, 3600, 15)

    assert window.step_s == 20
    assert window.builtins()["__rate_interval"] == "60s"
    assert window.builtins()["__range"] == "3600s"
    assert Window(0, 86400 * 30, 15).builtins()["__rate_interval"] == "21615s"


def test_what_is_given_wins_over_the_dashboards_choice_and_that_over_everything():
    variables = [
        {"name": "ds", "type": "datasource", "query": "prometheus"},
        {"name": "kept", "type": "custom", "current": {"value": "5m"}},
        {"name": "everything", "type": "query", "includeAll": True, "allValue": ".*", "query": "label_values(up, a)"},
        {"name": "listed", "type": "query", "includeAll": True, "query": 'label_values(up{x="$kept"}, b)'},
        {"name": "first", "type": "query", "query": {"query": "label_values(c)"}},
        {"name": "given", "type": "query", "query": "label_values(d)"},
    ]

    def values(label, selector):
        return {("b", 'up{x="5m"}'): ["1.5", "2"], ("c", ""): ["one", "two"]}.get((label, selector), [])

    found = chosen(variables, {"given": ["me"]}, values, {})

    assert found == {"kept": "5m", "everything": ".*", "listed": r"(1\\.5|2)", "first": "one", "given": "me"}
    with pytest.raises(InvalidInput, match="no variable pol; it has"):
        chosen(variables, {"pol": ["x"]}, values, {})


def test_several_values_become_one_expression_that_matches_each_of_them_only():
    assert joined(["a+b", "c"]) == r"(a\\+b|c)"
    assert joined(["a.b"]) == r"a\\.b"


def test_legends_name_labels_and_leave_no_gap_where_one_is_absent():
    assert legend("{{release}} {{ pool }} ready", {"pool": "chat"}) == "chat ready"
    assert legend("", {"__name__": "up", "job": "x"}) == "x"
    assert legend("", {"__name__": "up"}) == "up"


def test_texts_lose_what_no_font_here_can_draw_and_nothing_else():
    assert drawable("How late are we") == "How late are we"
    assert drawable("p95 µs ∞ ≥ 1") == "p95 µs ∞ ≥ 1"
    assert drawable("How late · \U00012000\U00012001") == "How late"
    assert drawable("\U00012000，\U00012001：late") == "late"


@pytest.mark.parametrize(
    ("draw", "most"),
    [
        (draw_bars, 10),
        (draw_numbers, 10),
        (lambda sheet, box, panel, answers: draw_states(sheet, box, panel, answers, Window(0, 10, 1), []), 14),
    ],
    ids=["bars", "numbers", "states"],
)
def test_what_there_is_no_room_for_is_counted(draw, most):
    def said(series):
        sheet = Sheet(900, 400, DARK)
        answer = Answer(Target("A", "", "", False), "", [Series({}, [0, 1], [1, 1], f"s{n}.") for n in range(series)])
        draw(sheet, Box(0, 0, 900, 400), BoardPanel("t", "", Place(0, 0, 24, 10)), [answer])
        texts = [each.get_text() for each in sheet._figure.texts]
        return sum(text.endswith(".") for text in texts), [text for text in texts if text.endswith("more")]

    assert said(most) == (most, [])
    assert said(40) == (most - 1, [f"+{40 - most + 1} more"])


def test_marks_that_do_not_fit_into_their_line_are_counted():
    items = [(f"mark number {number}", "red", True) for number in range(40)]

    (line,) = legend_lines(Sheet(900, 400, DARK), items, 600, most=1)

    assert line[-1][0] == f"+{40 - len(line) + 1} more"


def test_cumulative_buckets_are_taken_apart():
    found = [
        Series({"le": "+Inf"}, [0, 1], [6, 6]),
        Series({"le": "1"}, [0, 1], [4, NAN]),
        Series({"le": "0.5"}, [0, 1], [1, 0]),
    ]

    assert buckets(found) == ([0.5, 1.0, math.inf], [[1, 0], [3, 0], [2, 6]])


def test_states_are_joined_while_they_last_and_gaps_stay_gaps():
    series = Series({}, [0, 10, 20, 30, 40], [1, 1, NAN, 1, 0])

    assert spells(series, 10) == [(1, -5, 15), (1, 25, 35), (0, 35, 45)]


def test_axes_have_round_values():
    assert ticks(0, 1, most=4) == [0, 0.25, 0.5, 0.75, 1.0]
    assert ticks(0, 600 * 2**20, most=4, unit="bytes") == [0, 2**28, 2**29]
    assert ticks(0, 250, most=4, unit="s") == [0, 120, 240]
    assert log_ticks(0.001, 100) == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100][::2])
    assert log_ticks(0.1, 5000, unit="s") == pytest.approx([0.1, 10, 600])


def test_a_table_joins_queries_by_their_labels_in_the_order_and_names_that_are_asked_for():
    options = {"indexByName": {"pool": 0, "Value #B": 1, "Value #A": 2}, "renameByName": {"Value #A": "min"}}
    panel = BoardPanel("t", "table", Place(0, 0, 1, 1), transformations=[{"id": "organize", "options": options}])
    one = Answer(Target("A", "", "", True), "", [Series({"pool": "x"}, [0], [1]), Series({"pool": "y"}, [0], [2])])
    other = Answer(Target("B", "", "", True), "", [Series({"pool": "y"}, [0], [0.5])])

    assert joined_rows(panel, [one, other]) == (["pool", "Value #B", "min"], [["x", "", "1"], ["y", "0.5", "2"]])


def test_a_closed_row_is_opened_and_what_lies_below_moves_down():
    inner = {"type": "stat", "title": "in", "gridPos": {"x": 0, "y": 1, "w": 6, "h": 4}}
    row = {
        "type": "row",
        "title": "closed",
        "collapsed": True,
        "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1},
        "panels": [inner],
    }
    below = {"type": "stat", "title": "below", "gridPos": {"x": 0, "y": 1, "w": 6, "h": 4}}

    board = parse(json.dumps({"dashboard": {"title": "t", "panels": [row, below]}}))

    assert [(panel.title, panel.place.y) for panel in board.panels] == [("closed", 0), ("in", 1), ("below", 5)]


@pytest.mark.parametrize("text", ["[]", "{}", "no json", '{"panels": [{}]}'])
def test_what_is_no_dashboard_is_refused(text):
    with pytest.raises(InvalidInput, match="no dashboard"):
        parse(text)


# Against a Prometheus whose past was written before it started


@pytest.fixture(scope="module")
def past() -> Iterator[PrometheusServer]:
    if reason := PrometheusServer.missing():
        pytest.skip(reason)
    server = PrometheusServer(every_s=60)
    lines = ["# TYPE level gauge"]
    now = int(time.time())
    times = range(now - 600, now, 15)
    for pool, factor in (("chat", 1.0), ("text", 0.5)):
        lines += [f'level{{pool="{pool}"}} {factor * (1 + math.sin(at / 60))} {at}' for at in times]
    lines += ["# TYPE state gauge", *(f"state {int(at > now - 300)} {at}" for at in times)]
    lines += ["# TYPE wait histogram"]
    for le, share in (("0.1", 1), ("1", 3), ("+Inf", 4)):
        lines += [f'wait_bucket{{le="{le}"}} {share * (at - now + 601)} {at}' for at in times]
    metrics = server.folder / "past.txt"
    metrics.write_text("\n".join([*lines, "# EOF"]) + "\n")
    command = [
        program("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(metrics),
        str(server.folder / "data"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with server:
        yield server


LEVEL = 'level{pool=~"$pool"}'
GREEN, RED = "#73bf69", "#f2495c"


def panel(kind, expr, *, x=0, y=0, **more):
    target = {"expr": expr, "refId": "A", "legendFormat": "{{pool}}"}
    looks = {"defaults": {"unit": "s", "custom": {}, **more.pop("defaults", {})}, "overrides": []}
    place = {"x": x, "y": y, "w": 8, "h": 6}
    return {"type": kind, "title": f"{kind} 面板", "gridPos": place, "targets": [target], "fieldConfig": looks, **more}


def board_of(*panels):
    pool = {"name": "pool", "type": "query", "includeAll": True, "query": "label_values(level, pool)"}
    mark = {"name": "m", "enable": True, "expr": "state > 0", "titleFormat": "on", "iconColor": "red"}
    return {"title": "Small", "panels": list(panels), "templating": {"list": [pool]}, "annotations": {"list": [mark]}}


def preview(document, server, tmp_path: Path, *options):
    file = tmp_path / "small.json"
    file.write_text(json.dumps(document))
    command = ["preview", str(file), "--prometheus", server.url, "--last", "10m", "--out", str(tmp_path / "p.png")]
    return CliRunner().invoke(build_app(), [*command, *options])


def pixels(tmp_path: Path, color: str) -> int:
    """How many of the picture's pixels have nearly this color."""
    wanted = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return int((abs(imread(tmp_path / "p.png")[:, :, :3] - wanted).max(axis=2) < 0.02).sum())


STEPS = {"thresholds": {"steps": [{"value": None, "color": "green"}, {"value": 1e9, "color": "red"}]}}
STATES = {
    "mappings": [
        {"type": "value", "options": {"0": {"text": "off", "color": RED}, "1": {"text": "on", "color": GREEN}}}
    ]
}


@pytest.mark.parametrize("theme", ["dark", pytest.param("light", marks=pytest.mark.long)])
def test_every_kind_of_panel_is_drawn_into_one_picture(past, tmp_path, theme):
    stacked = {"custom": {"stacking": {"mode": "normal"}, "fillOpacity": 30}}
    log = {"custom": {"scaleDistribution": {"type": "log"}}}
    document = board_of(
        panel("timeseries", LEVEL),
        panel("timeseries", LEVEL, x=8, defaults=stacked),
        panel("timeseries", LEVEL, x=16, defaults=log),
        panel("bargauge", LEVEL, y=6, defaults=STEPS),
        panel("stat", LEVEL, x=8, y=6, defaults=STEPS),
        panel("table", LEVEL, x=16, y=6),
        panel("heatmap", "rate(wait_bucket[$__rate_interval])", y=12),
        panel("state-timeline", "state", x=8, y=12, defaults=STATES),
        panel("text", "", x=16, y=12),
    )

    done = preview(document, past, tmp_path, "--theme", theme, "--list-empty")

    assert done.exit_code == 0, done.output
    assert imread(tmp_path / "p.png").shape[:2] == (58 + 18 * 38 + 10, 24 * 76 + 20)


@pytest.mark.parametrize(
    ("kind", "more"),
    [("timeseries", {}), ("bargauge", STEPS), ("stat", STEPS), ("state-timeline", STATES)],
)
def test_a_panel_shows_its_values_in_their_color_and_an_empty_one_says_so(past, tmp_path, kind, more):
    expr = "state" if kind == "state-timeline" else LEVEL
    preview(board_of(panel(kind, expr, defaults=more)), past, tmp_path)
    drawn = pixels(tmp_path, GREEN if kind != "state-timeline" else "#619e5a")

    preview(board_of(panel(kind, "nobody", defaults=more)), past, tmp_path)

    assert drawn > 50
    assert pixels(tmp_path, GREEN) == 0


def test_what_is_no_number_endless_or_no_histogram_is_no_traceback(past, tmp_path):
    document = board_of(
        panel("stat", f"{LEVEL} / 0 > 0", defaults=STEPS),
        panel("bargauge", f"{LEVEL} / 0 > 0", x=8),
        panel("bargauge", f"{LEVEL} * NaN", x=16),
        panel("heatmap", LEVEL, y=6),
    )

    done = preview(document, past, tmp_path)

    assert (done.exit_code, done.exception) == (0, None)


def test_empty_panels_are_named_and_end_with_1(past, tmp_path):
    document = board_of(panel("timeseries", LEVEL), panel("stat", "nobody", x=8), panel("stat", "rate(", x=16))

    done = preview(document, past, tmp_path, "--list-empty")

    assert done.exit_code == 1
    assert "EMPTY: stat 面板, query A: nobody" in done.output
    assert "parse error" in done.output
    assert "timeseries" not in done.output
    assert preview(document, past, tmp_path).exit_code == 0


def test_a_choice_narrows_the_queries(past, tmp_path):
    both = preview(board_of(panel("bargauge", f"count({LEVEL}) == 2")), past, tmp_path, "--list-empty")
    one = preview(
        board_of(panel("bargauge", f"count({LEVEL}) == 2")), past, tmp_path, "--list-empty", "--var", "pool=chat"
    )

    assert (both.exit_code, one.exit_code) == (0, 1)
    assert 'count(level{pool=~"chat"}) == 2' in one.output


def test_a_time_that_is_over_can_be_drawn(past, tmp_path):
    document = board_of(panel("stat", LEVEL))

    before = preview(document, past, tmp_path, "--list-empty", "--until", str(time.time() - 3600))
    now = preview(document, past, tmp_path, "--list-empty", "--until", datetime.now().astimezone().isoformat())
    wrong = preview(document, past, tmp_path, "--until", "yesterday")

    assert (before.exit_code, now.exit_code) == (1, 0)
    assert (wrong.exit_code, "'yesterday' is no time" in wrong.output) == (2, True)


def test_only_the_rows_that_are_wanted_are_drawn(past, tmp_path):
    row = {"type": "row", "title": "Late · 迟", "gridPos": {"x": 0, "y": 6, "w": 24, "h": 1}}
    document = board_of(panel("stat", "nobody"), row, panel("stat", LEVEL, y=7))

    done = preview(document, past, tmp_path, "--row", "late", "--list-empty")

    assert done.exit_code == 0, done.output
    assert imread(tmp_path / "p.png").shape[0] == 58 + 7 * 38 + 10
    refused = preview(document, past, tmp_path, "--row", "nothing")
    assert (refused.exit_code, "no row of 'Small'" in refused.output) == (2, True)


def test_our_own_dashboards_are_known_by_name_and_draw_nothing_from_nothing(past, tmp_path):
    file = tmp_path / "own.png"
    options = ["--prometheus", past.url, "--out", str(file), "--list-empty"]

    done = CliRunner().invoke(build_app(), ["preview", "overview", *options])

    assert done.exit_code == 1
    assert "EMPTY: Backlog in seconds, query A" in done.output
    assert "empty, as it may be: Workers required, desired, ready, query C" in done.output
    assert file.exists()


def test_no_prometheus_is_no_traceback(tmp_path):
    done = CliRunner().invoke(build_app(), ["preview", "overview", "--prometheus", "http://127.0.0.1:9"])
    wrong = CliRunner().invoke(build_app(), ["preview", "nowhere.json", "--prometheus", "http://127.0.0.1:9"])
    scheme = CliRunner().invoke(build_app(), ["preview", "overview", "--prometheus", "file:///etc/passwd"])

    assert (done.exit_code, "no Prometheus at http://127.0.0.1:9" in done.output) == (4, True)
    assert (wrong.exit_code, "none of overview, engine, nor a file" in wrong.output) == (2, True)
    assert (scheme.exit_code, "no http address" in scheme.output) == (2, True)


def test_a_server_that_is_no_prometheus_and_a_file_that_is_no_text_are_no_traceback(tmp_path):
    picture = tmp_path / "own.png"
    picture.write_bytes(b"\x89PNG\xff")
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"

        strange = CliRunner().invoke(build_app(), ["preview", "overview", "--prometheus", address])
        server.shutdown()
    binary = CliRunner().invoke(build_app(), ["preview", str(picture)])

    assert (strange.exit_code, f"no Prometheus at {address}" in strange.output) == (4, True)
    assert (binary.exit_code, "nor a file" in binary.output) == (2, True)


class Stranger(BaseHTTPRequestHandler):
    """Answers all questions with JSON of its own."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"hello": "you"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Not into the tests' output."""
