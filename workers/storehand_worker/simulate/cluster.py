"""A pool on a cluster, event by event: jobs come, workers start, take, end and leave. No clock but its own heap."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import exp

from storehand.job import Priority
from storehand.pools import Pool
from storehand_worker.simulate.machine import Machine, Pod, State, Work
from storehand_worker.simulate.monitor import Counts
from storehand_worker.simulate.nodes import NodePlan, Nodes
from storehand_worker.simulate.traffic import Ask, Traffic

Event = tuple[float, int, Callable[[], None]]


class Cluster:
    """Jobs, workers and nodes. It obeys `scale_to`; who calls it is another's business."""

    def __init__(self, traffic: Traffic, *, pool: Pool, machine: Machine, nodes: NodePlan, seed: int) -> None:
        self.traffic, self.pool, self.machine = traffic, pool, machine
        self.now_s = 0.0
        self.counts: list[Counts] = []
        self.done: list[Work] = []
        self.pods: list[Pod] = []
        self.replicas = 0
        self.interrupted = 0
        """Jobs that ran in a worker when it was told to leave: killed, if workers did not drain."""
        self.killed = 0
        """Jobs that ran on when the grace period was over."""
        self.crashed = 0
        self.delivered: dict[Priority, int] = dict.fromkeys(Priority, 0)
        self._queues: dict[Priority, deque[Work]] = {priority: deque() for priority in Priority}
        self._kinds: dict[tuple[str, Priority], int] = {}
        self._events: list[Event] = []
        self._order = 0
        self._serving: list[Pod] = []
        self._next = 0
        self._nodes = Nodes(nodes)
        self._hold_s = 0.0
        self._random = random.Random(seed)  # noqa: S311 - a simulation
        for at_s in traffic.crashes_s:
            self.at(at_s, self._crash)
        for span in traffic.broker_away:
            self.at(span.end_s, self._deliver_all)

    def at(self, when_s: float, what: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (when_s, self._order, what))

    def run(self, until_s: float, *, on_ask: Callable[[int, int], None] | None = None) -> None:
        """To the trace's end and on until all is done, at most to `until_s`."""
        asks, coming, total = self.traffic.asks, 0, len(self.traffic.asks)
        while coming < total or (self._events and self._events[0][0] <= until_s and not self._is_over()):
            if coming < total and (not self._events or asks[coming].at_s <= self._events[0][0]):
                self.now_s = asks[coming].at_s
                self._submit(asks[coming])
                coming += 1
                if on_ask and not coming & 0xFFF:
                    on_ask(coming, total)
            else:
                self.now_s, _, what = heapq.heappop(self._events)
                what()

    def _is_over(self) -> bool:
        return self.now_s >= self.traffic.horizon_s and len(self.done) == len(self.traffic.asks)

    # What may be looked at.

    @property
    def is_broker_away(self) -> bool:
        return any(self.now_s in span for span in self.traffic.broker_away)

    @property
    def ready_pods(self) -> Sequence[Pod]:
        return self._serving

    def waiting(self) -> Mapping[Priority, int]:
        return {priority: len(queue) for priority, queue in self._queues.items()}

    def in_hand(self) -> Mapping[Priority, int]:
        found: dict[Priority, int] = dict.fromkeys(Priority, 0)
        for each in self.counts:
            found[each.priority] += each.running
        return found

    def held_s(self) -> float:
        """Seconds for which workers have held their nodes, added up."""
        return self._hold_s + sum(
            self.now_s - pod.held_since_s for pod in self.pods if pod.held_since_s is not None and pod.gone_s is None
        )

    # Jobs.

    def _submit(self, ask: Ask) -> None:
        kind = (ask.task, ask.priority)
        index = self._kinds.get(kind)
        if index is None:
            index = self._kinds[kind] = len(self.counts)
            self.counts.append(Counts(*kind))
        count = self.counts[index]
        count.submitted += 1
        count.waiting += 1
        self._enqueue(Work(ask, index))

    def _enqueue(self, work: Work) -> None:
        queue = self._queues[work.ask.priority]
        if not queue and not self.is_broker_away:
            pod = self._with_room(work.ask.priority)
            if pod is not None:
                self._give(pod, work)
                return
        queue.append(work)

    def _with_room(self, priority: Priority) -> Pod | None:
        """The next in turn, as brokers serve consumers."""
        serving, count = self._serving, len(self._serving)
        for step in range(count):
            pod = serving[(self._next + step) % count]
            if pod.has_room(priority):
                self._next = (self._next + step + 1) % count
                return pod
        return None

    def _give(self, pod: Pod, work: Work) -> None:
        count = self.counts[work.index]
        count.waiting -= 1
        count.running += 1
        self.delivered[work.ask.priority] += 1
        work.began_s = self.now_s
        work.tries += 1
        if work.first_began_s is None:
            work.first_began_s = self.now_s
        pod.take(work, self.now_s)
        self._foresee(pod)

    def _foresee(self, pod: Pod) -> None:
        pod.turn += 1
        end_s = pod.first_end_s()
        if end_s is not None:
            turn = pod.turn
            self.at(max(end_s, self.now_s), lambda: self._end(pod, turn))

    def _end(self, pod: Pod, turn: int) -> None:
        if pod.turn != turn:
            return
        work = pod.end(self.now_s)
        work.ended_s = self.now_s
        count = self.counts[work.index]
        count.running -= 1
        count.finished += 1
        count.busy_s += self.now_s - work.began_s
        self.done.append(work)
        self._foresee(pod)
        if pod.state is State.SERVING:
            self._fill(pod)
        elif pod.state is State.LEAVING and not pod.in_hand:
            self._leave(pod)

    def _fill(self, pod: Pod) -> None:
        if self.is_broker_away:
            return
        for priority, queue in self._queues.items():
            while queue and pod.has_room(priority):
                self._give(pod, queue.popleft())

    def _deliver_all(self) -> None:
        for pod in self._serving:
            self._fill(pod)

    def _give_back(self, lost: Sequence[Work], after_s: float) -> None:
        for work in lost:
            count = self.counts[work.index]
            count.running -= 1
            count.waiting += 1
            self.at(self.now_s + after_s, lambda work=work: self._enqueue(work))  # type: ignore[misc]  # bound now

    # Workers.

    def scale_to(self, replicas: int) -> None:
        self.replicas = replicas
        alive = [pod for pod in self.pods if pod.state in (State.WAITING, State.STARTING, State.SERVING)]
        for _ in range(replicas - len(alive)):
            self._create()
        if len(alive) > replicas:
            # The ReplicaSet's order: first those that are not ready, then the newer.
            alive.sort(key=lambda pod: (pod.state is State.SERVING, -pod.created_s, -pod.number))
            for pod in alive[: len(alive) - replicas]:
                self._dismiss(pod)

    def start_ready(self, replicas: int) -> None:
        """The pool as it stands when the trace begins."""
        self.scale_to(replicas)
        for pod in self.pods:
            if pod.state is State.STARTING:
                self._serve(pod)

    def _create(self) -> None:
        pod = Pod(len(self.pods), self.machine, self.now_s)
        self.pods.append(pod)
        self._place(pod)

    def _place(self, pod: Pod) -> None:
        wait_s = self._nodes.acquire(self.now_s)
        if wait_s is None:
            return
        pod.state = State.STARTING
        pod.held_since_s = self.now_s
        spread = exp(self._random.gauss(0.0, self.machine.cold_start_spread))
        self.at(self.now_s + wait_s + self.machine.cold_start_s * spread, lambda: self._serve(pod))

    def _serve(self, pod: Pod) -> None:
        if pod.state is not State.STARTING:
            return
        pod.advance(self.now_s)
        pod.state = State.SERVING
        self._serving.append(pod)
        self._fill(pod)

    def _dismiss(self, pod: Pod) -> None:
        if pod.state is not State.SERVING:
            self._leave(pod)
            return
        self._serving.remove(pod)
        pod.state = State.LEAVING
        self.interrupted += pod.in_hand
        if not pod.in_hand:
            self._leave(pod)
            return
        self.at(self.now_s + self.machine.grace_s, lambda: self._cut_off(pod))

    def _cut_off(self, pod: Pod) -> None:
        if pod.state is State.LEAVING:
            lost = pod.give_up(self.now_s)
            self.killed += len(lost)
            self._give_back(lost, self.machine.return_s)
            self._leave(pod)

    def _leave(self, pod: Pod) -> None:
        pod.state, pod.gone_s = State.GONE, self.now_s
        if pod.held_since_s is None:
            return
        self._hold_s += self.now_s - pod.held_since_s
        self._nodes.release(self.now_s)
        waiting = next((each for each in self.pods if each.state is State.WAITING), None)
        if waiting is not None:
            self._place(waiting)

    def _crash(self) -> None:
        if not self._serving:
            return
        pod = self._random.choice(self._serving)
        self._serving.remove(pod)
        lost = pod.give_up(self.now_s)
        self.crashed += len(lost)
        self._give_back(lost, self.machine.return_s)
        pod.state = State.STARTING
        self.at(self.now_s + self.machine.cold_start_s, lambda: self._serve(pod))
