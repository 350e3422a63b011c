"""Files through the queue: `storehand bulk` reads a catalogue, sends a job per row and writes the answers as they come.

rows (read) -> plan (folded, grouped, mapped, checked: units) -> run (submit, collect) -> output + ledger (written once)
"""
