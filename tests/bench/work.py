"""The work that every contender does: the same descriptions with the same seeds, the same reviews."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import cycle, islice
from typing import Any

from storehand.contracts import DescriptionInput, Review, SentimentInput


def _rows(name: str) -> list[dict[str, Any]]:
    text = (files("storehand_plugins.starter") / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def descriptions(n: int) -> list[DescriptionInput]:
    """The bundled catalogue, over and over with another seed."""
    products = [row.get("product", row) for row in _rows("catalogue.jsonl")]
    return [
        DescriptionInput.model_validate({"product": product, "seed": seed})
        for seed, product in enumerate(islice(cycle(products), n))
    ]


def reviews(n: int) -> list[str]:
    """The bundled reviews, over and over."""
    bodies = [row.get("reviewBody") or row.get("review_body") or row["text"] for row in _rows("reviews.jsonl")]
    return list(islice(cycle(bodies), n))


def sentiment_jobs(texts: list[str], *, per_job: int) -> list[SentimentInput]:
    """Labels and scores only (no points), so that each contender classifies exactly these texts."""
    return [
        SentimentInput(
            reviews=tuple(Review(id=str(i), review_body=text) for i, text in enumerate(texts[start : start + per_job])),
            max_points=0,
        )
        for start in range(0, len(texts), per_job)
    ]
