"""The LitServe server: requests are gathered and answered by one padded `generate`. Runs in an environment of its own:
`python -m tests.bench.litserve_app PORT`."""

from __future__ import annotations

import os
import sys

import litserve
import torch

from tests.bench.generate import Generate
from tests.bench.random_text import Work, ids_of


class TextApi(litserve.LitAPI):
    """`{"prompt": ..., "max_new_tokens": ...}` in, the number of tokens out."""

    def setup(self, device: str) -> None:
        torch.set_num_threads(1)
        self._model = Generate(os.environ["BENCH_TEXT"])

    def decode_request(self, request):  # without types: LitServe would make them the schema of the request
        return Work(tuple(ids_of(request["prompt"])), request["max_new_tokens"])

    def batch(self, inputs: list[Work]) -> list[Work]:
        return inputs

    def predict(self, inputs: list[Work]) -> list[int]:
        return [len(text) for text in self._model.texts(inputs, batch=len(inputs))]

    def unbatch(self, output: list[int]) -> list[int]:
        return output

    def encode_response(self, output: int) -> dict[str, int]:
        return {"tokens": output}


def main() -> None:
    server = litserve.LitServer(TextApi(max_batch_size=32, batch_timeout=0.05), accelerator="cpu", timeout=900)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
