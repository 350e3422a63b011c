"""`storehand demo`: a little bilingual shop through a real worker, all five tasks at once."""

from storehand_worker.demo.run import Plan, run_demo

__all__ = ["Plan", "run_demo"]
