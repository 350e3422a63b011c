"""The host loads what the served tasks need, lends it to jobs, and takes it down again."""

from __future__ import annotations

import pluggy
import pytest

from storehand.engine import BatchReport, EngineState
from storehand.errors import ModelNotAvailable, PluginError, SettingsError, StopJob, UnknownTask
from storehand.fakes import FakeContext
from storehand.settings import Settings
from storehand_worker.host import Host, LocalModels, load_engines
from storehand_worker.loader import BrokenPlugin, Plugins
from storehand_worker.models import CallReport
from tests.small_engine import SMALL, EchoInput, EchoOutput, EchoTask, Small, make_task

BOUND = dict.fromkeys(("text", "labels", "vectors"), SMALL)


def plugins(*tasks, small=None, broken=()):
    engines = {"small": small or Small()}
    return Plugins({task.name: task for task in tasks}, engines, pluggy.PluginManager("storehand"), broken)


def settings(tmp_path, **changes):
    return Settings(**{"data_dir": tmp_path, "models": BOUND, **changes})


def test_only_roles_of_served_tasks_are_loaded(tmp_path):
    small = Small()
    near, far = make_task("near", {"text": "generate"}), make_task("far", {"labels": "classify"})
    routes = {"near": "text", "far": "encoder"}
    host = Host(settings(tmp_path, queues=["text"], routes=routes), plugins(near, far, small=small))

    host.load()

    assert [engine.spec.role for engine in small.built] == ["text"]
    assert list(host.tasks) == ["near"]


def test_a_binding_for_a_role_nobody_asks_for_is_warned_of(tmp_path, caplog):
    Host(settings(tmp_path, models={"text": SMALL, "txet": SMALL}), plugins(EchoTask())).load()

    assert "binds the role 'txet', which no loaded task asks for; they ask for text" in caplog.text


def test_tasks_that_ask_for_the_same_role_share_one_engine(tmp_path):
    small = Small()
    host = Host(settings(tmp_path), plugins(EchoTask(), make_task("other", {"text": "generate"}), small=small))

    host.load()

    assert len(small.built) == 1


def test_roles_with_the_same_model_and_kind_share_one_engine():
    small = Small()
    task = make_task("both", {"text": "generate", "chat": "generate", "labels": "classify"})

    engines = load_engines([task], lambda role: SMALL, {"small": small})

    assert engines["text"] is engines["chat"]
    assert [engine.spec.name for engine in small.built] == ["small", "small (labels)"]


def test_loading_runs_the_first_example_and_reports_no_batch_of_it(tmp_path):
    reports: list[BatchReport] = []
    calls: list[CallReport] = []
    small = Small()
    host = Host(settings(tmp_path), plugins(EchoTask(), small=small), on_batch=reports.append, on_call=calls.append)
    said: list[str] = []

    host.load(said.append)
    after_loading = list(reports)
    host.models(FakeContext(), "echo").generate("text", "hello")

    assert [request.prompt for request in small.built[0].requests] == ["hello", "hello"]
    assert said == ["loading small for the role text", "warming up echo"]
    assert after_loading == []
    assert len(reports) == len(calls) == 1


def test_a_model_that_fails_to_load_is_named_by_its_role_and_nothing_stays_loaded(tmp_path):
    small = Small()

    def broken(spec):
        raise RuntimeError("file is cut off")

    both = plugins(make_task("a", {"text": "generate"}), make_task("b", {"labels": "classify"}), small=small)
    host = Host(
        settings(tmp_path, models={"text": SMALL, "labels": SMALL.model_copy(update={"engine": "broken"})}),
        Plugins(both.tasks, {**both.engines, "broken": broken}, both.manager),
    )

    with pytest.raises(ModelNotAvailable, match=r"role 'labels' .* can't be loaded: RuntimeError: file is cut off"):
        host.load()

    assert small.built[0].is_closed
    assert host.engines == {}


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (lambda self, given, models, context: 1 / 0, "'bad' fails on its own first example: ZeroDivisionError"),
        (lambda self, given, models, context: "text", "'bad' answers str, not EchoOutput"),
        (lambda self, given, models, context: models.encode("text", ["a"]), "which can generate, not encode"),
    ],
)
def test_a_task_that_fails_on_its_own_example_stops_the_start(tmp_path, run, why):
    small = Small()
    host = Host(settings(tmp_path), plugins(make_task("bad", {"text": "generate"}, run=run), small=small))

    with pytest.raises(PluginError, match=why):
        host.load()

    assert small.built[0].is_closed


def test_a_host_without_tasks_says_why(tmp_path):
    broken = (BrokenPlugin("bad", "its import failed"),)

    with pytest.raises(SettingsError, match="no task to serve; broken plugins: bad: its import failed"):
        Host(settings(tmp_path), plugins(broken=broken)).load()
    with pytest.raises(SettingsError, match=r"none of the tasks echo belongs to the families .*: encoder"):
        Host(settings(tmp_path, queues=["encoder"]), plugins(EchoTask())).load()


def test_a_task_that_is_not_served_gets_no_models(tmp_path):
    host = Host(settings(tmp_path), plugins(EchoTask()))

    with pytest.raises(UnknownTask, match="'chat'; it serves echo"):
        host.models(FakeContext(), "chat")


def test_an_optional_role_is_loaded_only_where_it_is_bound_and_the_task_can_ask(tmp_path):
    def run(self, given, models, context):
        better = models.has("vectors")
        return EchoOutput(text="better" if better and models.encode("vectors", ["a"]) else "plain")

    for bound, said in (({"text": SMALL}, "plain"), ({"text": SMALL, "vectors": SMALL}, "better")):
        task = make_task("both", {"text": "generate"}, run=run)
        type(task).optional_roles = {"vectors": "encode"}
        host = Host(settings(tmp_path, models=bound), plugins(task))
        host.load()

        assert sorted(host.engines) == sorted(bound)
        assert task.run(EchoInput(text="hi"), host.models(FakeContext(), "both"), FakeContext()).text == said


def test_a_binding_for_an_optional_role_is_no_misspelling(tmp_path, caplog):
    task = make_task("both", {"text": "generate"})
    type(task).optional_roles = {"vectors": "encode"}

    Host(settings(tmp_path, models={"text": SMALL, "vectors": SMALL}), plugins(task)).load()

    assert "no loaded task asks for" not in caplog.text


def test_tasks_prepare_themselves_once_before_their_models_are_loaded(tmp_path):
    small, seen = Small(), []
    task, far = make_task("near", {"text": "generate"}), make_task("far", {"text": "generate"})
    for each in (task, far):
        type(each).prepare = lambda self, given: seen.append((self.name, given.data_dir, len(small.built)))
    changes = {"queues": ["text"], "routes": {"near": "text", "far": "encoder"}}

    Host(settings(tmp_path, **changes), plugins(task, far, small=small)).load()

    assert seen == [("near", tmp_path, 0)]


@pytest.mark.parametrize(
    ("error", "cls", "why"),
    [
        (
            FileNotFoundError("no dictionary"),
            PluginError,
            "'near' can't prepare itself: FileNotFoundError: no dictionary",
        ),
        (SettingsError("knowledge_dir is a file"), SettingsError, "knowledge_dir is a file"),
    ],
)
def test_a_task_that_can_not_prepare_itself_stops_the_start(tmp_path, error, cls, why):
    def prepare(self, given):
        raise error

    small = Small()
    task = make_task("near", {"text": "generate"})
    type(task).prepare = prepare

    with pytest.raises(cls, match=why):
        Host(settings(tmp_path), plugins(task, small=small)).load()
    assert small.built == []


def test_health_and_stats_go_by_model_name(tmp_path):
    small = Small()
    host = Host(settings(tmp_path), plugins(EchoTask(), small=small))
    host.load()

    small.built[0].state = EngineState.DEGRADED

    assert host.health()["small"].state is EngineState.DEGRADED
    assert host.stats()["small"].waiting == 2


def test_closing_stops_each_engine_once_also_when_called_again(tmp_path):
    small = Small()
    host = Host(settings(tmp_path), plugins(EchoTask(), small=small))
    host.load()

    host.close()
    host.close()

    assert small.built[0].is_closed
    assert host.engines == {}


def test_an_engine_that_fails_to_close_does_not_keep_the_others_open(tmp_path, caplog):
    small = Small()
    task = make_task("both", {"text": "generate", "labels": "classify"})
    host = Host(settings(tmp_path), plugins(task, small=small))
    host.load()
    small.built[0].close = lambda timeout_s: 1 / 0

    host.close()

    assert small.built[1].is_closed
    assert "engine of small did not close" in caplog.text


def test_local_models_serve_calls_and_can_be_bound_to_a_job_that_stops():
    engines = load_engines([EchoTask()], lambda role: SMALL, {"small": Small()})
    context = FakeContext(stop_at_check=1)

    with LocalModels(engines, FakeContext(seed=4)) as models:
        [completion] = models.generate("text", "hello")
        with pytest.raises(StopJob):
            EchoTask().run(EchoInput(text="hello"), models.bind(context), context)

    assert completion.text == "hello 4"
    assert all(engine.is_closed for engine in engines.values())
