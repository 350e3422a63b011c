"""The host: all engines of this process, loaded once and lent to jobs by role."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from storehand.engine import BatchReport, Engine, EngineFactory, EngineHealth, EngineSpec, EngineState, EngineStats
from storehand.errors import ModelNotAvailable, PluginError, SettingsError, StopJob, StorehandError, UnknownTask
from storehand.settings import ModelBinding, Settings
from storehand.task import Task
from storehand_worker.binding import STARTER, engine_factory, engine_name, engine_spec, role_needs
from storehand_worker.calls import Calls
from storehand_worker.engines import builtin_engines
from storehand_worker.fitting import MEMORY_SHARE, fit
from storehand_worker.jobless import JoblessContext
from storehand_worker.loader import Plugins, load_plugins
from storehand_worker.model_call import WaitFor
from storehand_worker.models import CallReport, JobModels, StoppableContext
from storehand_worker.start import Start

log = logging.getLogger(__name__)

Tasks = Mapping[str, Task[Any, Any]]
Progress = Callable[[str], None]
OnLoad = Callable[[str, float], None]
"""Model, and the seconds it took to load."""


def _silent(message: str) -> None:
    return None


class Host:
    """Built cheaply; `load` brings the models up, `close` takes them down. `on_batch` is called on engine threads,
    `on_call` on job threads; neither hears of the warm-up, whose first steps are slower than any later one."""

    def __init__(
        self,
        settings: Settings,
        plugins: Plugins,
        *,
        on_batch: Callable[[BatchReport], None] = lambda report: None,
        on_call: Callable[[CallReport], None] = lambda report: None,
        on_load: OnLoad = lambda model, seconds: None,
    ) -> None:
        self.tasks: Tasks = served_tasks(settings, plugins.tasks)
        self._settings = settings
        self._plugins = plugins
        self._on_batch = on_batch
        self._on_call = on_call
        self._on_load = on_load
        self._engines: dict[str, Engine] = {}
        self._is_warm = False

    def load(self, progress: Progress | None = None) -> None:
        """Loads the models of the roles that the served tasks need, and runs each task's first example.

        Raises SettingsError, ModelNotAvailable (with the role's name) or PluginError (with the task's); nothing stays
        loaded then.
        """
        if not self.tasks:
            raise SettingsError(_no_tasks(self._settings, self._plugins))
        tell = progress or _silent
        for task in self.tasks.values():
            _prepare(task, self._settings)
        self._warn_of_unused_bindings()
        self._engines = load_engines(
            self.tasks.values(),
            self._settings.binding,
            self._plugins.engines,
            bound=self._settings.models,
            on_batch=self._pass_on,
            on_load=self._on_load,
            progress=tell,
            state_dir=str(self._settings.data_dir),
            memory_share=self._settings.memory_share,
        )
        try:
            for task in self.tasks.values():
                self._warm_up(task, tell)
        except BaseException:
            self.close()
            raise
        self._is_warm = True

    def models(
        self,
        context: StoppableContext,
        task_name: str,
        *,
        wait_for: WaitFor = Future.exception,
        start: Start | None = None,
        calls: Calls | None = None,
    ) -> JobModels:
        """The models for one job of this task. `wait_for` is how a call waits for its engine,
        `start` stamped with the first call, `calls` told of each."""
        if task_name not in self.tasks:
            raise UnknownTask(f"this worker does not serve the task {task_name!r}; it serves {', '.join(self.tasks)}")
        return JobModels(
            self._engines, context, task=task_name, on_call=self._on_call, wait_for=wait_for, start=start, calls=calls
        )

    @property
    def engines(self) -> Mapping[str, Engine]:
        """The engines by role; roles with the same binding share one."""
        return dict(self._engines)

    def stats(self) -> dict[str, EngineStats]:
        """By model name."""
        return {engine.info.name: engine.stats() for engine in _distinct(self._engines)}

    def health(self) -> dict[str, EngineHealth]:
        """By model name."""
        return {engine.info.name: engine.health() for engine in _distinct(self._engines)}

    def lost(self) -> dict[str, str]:
        """The engines that will answer nothing any more, by model name, and why."""
        return {model: health.detail for model, health in self.health().items() if health.state is EngineState.DEAD}

    def close(self, timeout_s: float = 10.0) -> None:
        """Stops all engines; may be called again."""
        engines, self._engines = self._engines, {}
        close_engines(engines, timeout_s=timeout_s)

    def _warn_of_unused_bindings(self) -> None:
        needed = sorted(role_needs(self._plugins.tasks.values(), self._settings.models))
        for role in sorted(set(self._settings.models) - set(needed)):
            log.warning(
                "models binds the role %r, which no loaded task asks for; they ask for %s",
                role, ", ".join(needed) or "none",
            )  # fmt: skip

    def _pass_on(self, report: BatchReport) -> None:
        if self._is_warm:
            self._on_batch(report)

    def _warm_up(self, task: Task[Any, Any], tell: Progress) -> None:
        if not task.examples:
            return
        tell(f"warming up {task.name}")
        models = JobModels(self._engines, JoblessContext(), task=task.name)
        try:
            answer = task.run(task.examples[0], models, JoblessContext())
        except (Exception, StopJob) as error:
            raise PluginError(
                f"the task {task.name!r} fails on its own first example: {type(error).__name__}: {error}; "
                "mend it, or leave its plugin out of the setting `plugins`"
            ) from error
        if not isinstance(answer, task.output_type):
            raise PluginError(
                f"the task {task.name!r} answers {type(answer).__name__}, not {task.output_type.__name__}"
            )


def _prepare(task: Task[Any, Any], settings: Settings) -> None:
    try:
        task.prepare(settings)
    except StorehandError:
        raise
    except Exception as error:
        raise PluginError(f"the task {task.name!r} can't prepare itself: {type(error).__name__}: {error}") from error


def served_tasks(settings: Settings, tasks: Tasks) -> Tasks:
    """The tasks whose queues this worker reads; the models of the others are not loaded."""
    families = settings.families()
    return {name: task for name, task in tasks.items() if settings.routes.get(name, "default") in families}


def load_engines(
    tasks: Iterable[Task[Any, Any]],
    binding: Callable[[str], ModelBinding],
    brought: Mapping[str, EngineFactory],
    *,
    bound: Container[str] = (),
    on_batch: Callable[[BatchReport], None] = lambda report: None,
    on_load: OnLoad = lambda model, seconds: None,
    progress: Progress = _silent,
    state_dir: str = "",
    memory_share: float = MEMORY_SHARE,
) -> dict[str, Engine]:
    """One engine per distinct model, by role; optional roles only where they are `bound`. What was loaded is closed
    again when a later one fails. `state_dir` and `memory_share` are the settings'."""
    needs = role_needs(tasks, bound)
    keys: dict[str, str] = {}
    wanted: dict[str, tuple[str, EngineSpec]] = {}
    for role, need in needs.items():
        spec = engine_spec(need, binding(role), on_batch=on_batch)
        keys[role] = repr((engine_name(need, spec.binding), spec.kind, spec.folder, spec.binding))
        if keys[role] not in wanted:
            if spec.name in (other.name for _, other in wanted.values()):
                spec = replace(spec, name=f"{spec.name} ({role})")  # names tell models apart in the metrics
            wanted[keys[role]] = engine_name(need, spec.binding), replace(spec, state_dir=state_dir)
    fitted = fit(wanted, share=memory_share)
    shared: dict[str, Engine] = {}
    try:
        for key, spec in fitted.items():
            progress(f"loading {spec.name} for the role {spec.role}")
            shared[key] = _build(spec, engine_factory(needs[spec.role], binding(spec.role), brought), on_load)
    except BaseException:
        close_engines(shared)
        raise
    return {role: shared[key] for role, key in keys.items()}


def _build(spec: EngineSpec, factory: EngineFactory, on_load: OnLoad) -> Engine:
    started = time.monotonic()
    try:
        engine = factory(spec)
    except StorehandError as error:
        raise type(error)(f"the model of the role {spec.role!r}: {error.message}", details=error.details) from error
    except Exception as error:  # whatever torch, transformers or a plugin's engine raises while loading
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, ImportError):
            reason += "; install storehand[worker,models]"
        raise ModelNotAvailable(
            f"the model of the role {spec.role!r} ({spec.name}) can't be loaded: {reason}"
        ) from error
    took_s = time.monotonic() - started
    on_load(spec.name, took_s)
    log.info("role %s is served by %s, loaded in %.1f s", spec.role, spec.name, took_s)
    if spec.name.startswith(f"{STARTER}/"):
        log.warning("role %s uses a bundled starter model: good to try things out, not for real shoppers", spec.role)
    return engine


def close_engines(engines: Mapping[str, Engine], *, timeout_s: float = 10.0) -> None:
    """Stops each engine once; one that fails to stop is logged and does not keep the others up."""
    for engine in _distinct(engines):
        try:
            engine.close(timeout_s)
        except Exception:
            log.exception("the engine of %s did not close; the process goes on without it", engine.info.name)


def _distinct(engines: Mapping[str, Engine]) -> list[Engine]:
    return list({id(engine): engine for engine in engines.values()}.values())


def _no_tasks(settings: Settings, plugins: Plugins) -> str:
    if plugins.tasks:
        families = ", ".join(settings.families())
        return f"none of the tasks {', '.join(plugins.tasks)} belongs to the families this worker serves: {families}"
    broken = "; ".join(f"{plugin.name}: {plugin.reason}" for plugin in plugins.broken)
    return f"there is no task to serve; {f'broken plugins: {broken}' if broken else 'no plugin is installed'}"


class LocalModels(JobModels):
    """Real models without a worker: for the contract kit, for notebooks, for measuring an engine offline."""

    def bind(self, context: StoppableContext) -> JobModels:
        """The same engines, for a job that can be stopped."""
        return JobModels(self._engines, context, task=self._task)

    def close(self) -> None:
        close_engines(self._engines)

    def __enter__(self) -> LocalModels:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def local_models(bindings: Mapping[str, ModelBinding], tasks: Iterable[Task[Any, Any]]) -> LocalModels:
    """The models of these tasks' roles, loaded here and now; a role without a binding gets its starter.

    Engines that installed plugins bring may be named in the bindings.
    """
    wanted = tuple(tasks)
    brought: Mapping[str, EngineFactory] = {}
    if any(binding.engine and binding.engine not in builtin_engines() for binding in bindings.values()):
        brought = load_plugins(Settings()).engines
    engines = load_engines(wanted, lambda role: bindings.get(role, ModelBinding()), brought, bound=bindings)
    return LocalModels(engines, JoblessContext(), task=", ".join(task.name for task in wanted))
