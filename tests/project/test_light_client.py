"""What a backend imports stays light."""

from __future__ import annotations

import statistics
import subprocess
import sys

HEAVY = ("torch", "transformers", "pluggy", "prometheus_client", "numpy")

BLOCKED = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
"""


def _run(code: str, *options: str) -> str:
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _cpu_s(code: str) -> float:
    return float(_run(f"import time; start = time.process_time()\n{code}\nprint(time.process_time() - start)"))


def test_the_client_works_with_torch_transformers_pluggy_and_prometheus_blocked(tmp_path):
    code = BLOCKED + (
        "from storehand import Client, Status\n"
        "from storehand.contracts import DescriptionInput\n"
        f"with Client(data_dir={str(tmp_path)!r}) as client:\n"
        "    handle = client.submit(DescriptionInput(product='Kettle, 1.7 L'))\n"
        "    assert handle.status is Status.QUEUED\n"
        "print(sorted(set(sys.modules) & set(('torch', 'transformers', 'pluggy', 'prometheus_client'))))\n"
    )

    assert _run(code).strip() == "[]"


def test_importing_the_client_takes_at_most_three_tenths_of_a_second():
    """Of CPU; on a machine slower than that, 2.5 times what a well-known part of the standard library takes there."""
    ours = "from storehand import Client; from storehand.contracts import DescriptionInput"
    known = "import asyncio, concurrent.futures, email.message, http.client, logging.config, unittest.mock"
    _cpu_s(ours), _cpu_s(known)  # warm: byte code and disk cache

    pairs = [(_cpu_s(ours), _cpu_s(known)) for _ in range(7)]

    ours_s, known_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    assert ours_s <= max(0.3, 2.5 * known_s), f"importing took {ours_s:.2f} s of CPU, the yardstick {known_s:.2f} s"


def test_the_shops_own_current_celery_app_stays_current(tmp_path):
    code = (
        "from celery import Celery, current_app\n"
        "shop = Celery('shop', set_as_current=True)\n"
        "from storehand import Client\n"
        "from storehand.contracts import DescriptionInput\n"
        f"with Client(data_dir={str(tmp_path)!r}) as client:\n"
        "    client.submit(DescriptionInput(product='Kettle, 1.7 L'))\n"
        "    assert current_app._get_current_object() is shop\n"
        "    from celery import shared_task\n"
        "    assert shop.conf.broker_url is None\n"
        "print('own')\n"
    )

    assert _run(code).strip() == "own"
