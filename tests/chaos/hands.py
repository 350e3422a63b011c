"""What may be done to a scene, by name; each knows where a fault begins and where it ends."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.load import Load
from tests.chaos.stand import Scene
from tests.chaos.witness import Witness
from tests.pipeline.probe_plugin import ProbeInput


class Hands:
    def __init__(self, scene: Scene, load: Load, witness: Witness) -> None:
        self._scene = scene
        self._load = load
        self._witness = witness
        self.done: list[str] = []

    def act(self, name: str) -> None:
        self.done.append(name)
        action: Callable[[], None] = getattr(self, name)
        action()

    # Workers.

    def kill_worker(self) -> None:
        self._at_once("kill_worker", self._scene.fleet.kill)

    def terminate_worker(self) -> None:
        self._at_once("terminate_worker", self._scene.fleet.terminate)

    def pause_worker(self) -> None:
        self._witness.began("pause_worker")
        self._scene.fleet.pause()

    def resume_workers(self) -> None:
        self._scene.fleet.resume()
        self._witness.healed()

    def submit_poison(self) -> None:
        self._load.add(ProbeInput(text="poison", mode="kill", work_s=0.2), "poison")

    # Servers.

    def restart_broker(self) -> None:
        broker = self._scene.stand.broker
        assert broker is not None
        self._at_once("restart_broker", broker.restart)

    def kill_broker(self) -> None:
        broker = self._scene.stand.broker
        assert broker is not None
        self._witness.began("kill_broker")
        broker.kill()

    def start_broker(self) -> None:
        broker = self._scene.stand.broker
        assert broker is not None
        broker.start()
        self._witness.healed()

    def kill_store(self) -> None:
        store = self._scene.stand.store
        assert store is not None
        self._witness.began("kill_store")
        store.kill()

    def pause_broker(self) -> None:
        assert self._scene.stand.broker is not None
        self._witness.began("pause_broker")
        self._scene.stand.broker.pause()

    def resume_broker(self) -> None:
        assert self._scene.stand.broker is not None
        self._scene.stand.broker.resume()
        self._witness.healed()

    def pause_store(self) -> None:
        assert self._scene.stand.store is not None
        self._witness.began("pause_store")
        self._scene.stand.store.pause()

    def resume_store(self) -> None:
        assert self._scene.stand.store is not None
        self._scene.stand.store.resume()
        self._witness.healed()

    def start_store(self) -> None:
        store = self._scene.stand.store
        assert store is not None
        store.start()
        self._witness.healed()

    # Networks.

    def refuse_broker_to_workers(self) -> None:
        self._witness.began("refuse_broker_to_workers")
        self._scene.worker_side["broker_url"].refuse()

    def refuse_broker_to_clients(self) -> None:
        self._witness.began("refuse_broker_to_clients")
        self._scene.client_side["broker_url"].refuse()

    def swallow_broker_of_workers(self) -> None:
        self._witness.began("swallow_broker_of_workers")
        self._scene.worker_side["broker_url"].swallow()

    def swallow_broker_of_clients(self) -> None:
        self._witness.began("swallow_broker_of_clients")
        self._scene.client_side["broker_url"].swallow()

    def swallow_store_of_workers(self) -> None:
        self._witness.began("swallow_store_of_workers")
        self._scene.worker_side["store_url"].swallow()

    def swallow_store_of_clients(self) -> None:
        self._witness.began("swallow_store_of_clients")
        self._scene.client_side["store_url"].swallow()

    def cut_network(self) -> None:
        assert self._scene.namespace is not None
        self._witness.began("cut_network")
        self._scene.namespace.cut()

    def heal_network(self) -> None:
        assert self._scene.namespace is not None
        self._scene.namespace.heal()
        self._witness.healed()

    def cut_all(self) -> None:
        """Resets every connection; new ones come through."""
        for proxy in (*self._scene.worker_side.values(), *self._scene.client_side.values()):
            proxy.cut()

    def heal(self) -> None:
        """All networks."""
        for proxy in (*self._scene.worker_side.values(), *self._scene.client_side.values()):
            proxy.heal()
        self._witness.healed()

    def _at_once(self, name: str, do: Callable[[], None]) -> None:
        self._witness.began(name)
        do()
        self._witness.healed()
