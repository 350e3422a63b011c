"""The sequence model: a small causal transformer whose last state, times an item's vector, is the item's score."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaModel

from storehand_plugins.recommendation.train.histories import Events, histories
from storehand_plugins.recommendation.train.sequences import Row, batches, rectangle, rows
from storehand_plugins.recommendation.visits import FIRST_ITEM, PAD

FULL_SOFTMAX = 20_000
"""Items up to which every one is ranked against every other in training; above, against a sample of so many."""

PLACES = 512
"""Next-item places of a batch that are asked for; the visit places are asked for all."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of the network and how it learns. `scale` sharpens the softmax: unit vectors alone could not."""

    width: int = 64
    layers: int = 2
    heads: int = 2
    limit: int = 200
    dropout: float = 0.2
    item_drop: float = 0.1
    rate: float = 2e-3
    decay: float = 0.05
    batch_tokens: int = 2048
    item_weight: float = 0.5
    scale: float = 10.0


class Recommender(nn.Module):
    """Item vectors and the transformer that turns a history into a unit vector of the same space."""

    def __init__(self, items: int, shape: Shape) -> None:
        super().__init__()
        config = LlamaConfig(
            vocab_size=FIRST_ITEM + items,
            hidden_size=shape.width,
            intermediate_size=2 * shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            max_position_embeddings=max(256, shape.limit),
            pad_token_id=PAD,
            bos_token_id=None,
            eos_token_id=None,
        )
        self.shape = shape
        self.body = LlamaModel(config)
        self.vectors = nn.Parameter(torch.randn(items, shape.width) * 0.05)
        self.bias = nn.Parameter(torch.zeros(items))

    def forward(self, ids: Tensor) -> Tensor:
        """[rows, length] -> [rows, length, width], unit length."""
        embedded = nn.functional.dropout(self.body.embed_tokens(ids), self.shape.dropout, self.training)
        mask = (ids != PAD).long()
        states = self.body(inputs_embeds=embedded, attention_mask=mask, use_cache=False).last_hidden_state
        states = nn.functional.dropout(states.float(), self.shape.dropout, self.training)
        return nn.functional.normalize(states, dim=-1)

    def logits(self, users: Tensor, items: Tensor | None = None) -> Tensor:
        vectors, bias = (self.vectors, self.bias) if items is None else (self.vectors[items], self.bias[items])
        return self.shape.scale * (users @ vectors.T) + bias


def _loss(model: Recommender, group: Sequence[Row], rng: Any, device: torch.device) -> Tensor:
    users = model(torch.from_numpy(rectangle(group, drop=model.shape.item_drop, rng=rng)).to(device))
    visits = [(index, at, items, weight) for index, row in enumerate(group)
              for at, items, weight in zip(row.visit_at, row.visit_items, row.weights, strict=True)]  # fmt: skip
    places = [(index, at, item) for index, row in enumerate(group)
              for at, item in zip(row.item_at, row.item_next, strict=True)]  # fmt: skip
    if len(places) > PLACES:
        places = [places[chosen] for chosen in rng.choice(len(places), PLACES, replace=False)]
    targets = np.concatenate([items for _, _, items, _ in visits] + [np.array([i for *_, i in places], np.int64)])
    number = model.bias.numel()
    sample, columns = None, targets
    if number > FULL_SOFTMAX:
        drawn = np.unique(np.concatenate([targets, rng.integers(0, number, FULL_SOFTMAX)]))
        sample, columns = torch.from_numpy(drawn).to(device), np.searchsorted(drawn, targets)
    where = torch.tensor([(index, at) for index, at, *_ in [*visits, *places]], device=device)
    chances = model.logits(users[where[:, 0], where[:, 1]], sample).log_softmax(-1)
    sizes = [len(items) for _, _, items, _ in visits]
    lines = np.concatenate([np.repeat(np.arange(len(visits)), sizes), len(visits) + np.arange(len(places))])
    weights = np.concatenate([
        np.repeat([weight / size for (*_, weight), size in zip(visits, sizes, strict=True)], sizes)
        / max(1e-9, sum(weight for *_, weight in visits)),
        np.full(len(places), model.shape.item_weight / max(1, len(places))),
    ])  # fmt: skip
    picked = chances[torch.from_numpy(lines).to(device), torch.from_numpy(columns).to(device)]
    return -(picked * torch.from_numpy(weights).to(device, picked.dtype)).sum()


Progress = Callable[[float, str], None]
"""Called with the share done and a line about how it goes."""


def train(
    events: Events,
    items: int,
    shape: Shape,
    *,
    marks: Sequence[int],
    epochs: int,
    seed: int,
    until_s: float | None = None,
    progress: Progress = lambda done, line: None,
    after_epoch: Callable[[Recommender, int], bool] = lambda model, epoch: True,
) -> Recommender:
    """Trains for `epochs`, or till `until_s` (monotonic), or till `after_epoch` says no. The rate falls to its end by
    the epochs."""
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rng = np.random.default_rng(seed)
    model = Recommender(items, shape).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=shape.rate, weight_decay=shape.decay, betas=(0.9, 0.98))
    until = float(events.at.max()) if len(events) else 0.0
    step, mean = 0, 0.0
    for epoch in range(epochs):
        people = list(histories(events, rng=rng).values())
        found = list(rows(people, marks=marks, limit=shape.limit, until=until, rng=rng))
        groups = list(batches(found, tokens=shape.batch_tokens, rng=rng))
        model.train()
        for number, group in enumerate(groups):
            done = (epoch + number / len(groups)) / epochs
            for part in optimizer.param_groups:
                part["lr"] = shape.rate * min(1.0, (step + 1) / 50) * (1 - 0.95 * done)
            loss = _loss(model, group, rng, device)
            loss.backward()  # type: ignore[no-untyped-call]  # torch types its methods in part
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            mean = loss.item() if step == 1 else mean + 0.05 * (loss.item() - mean)
            progress(done, f"epoch {epoch + 1} of {epochs}, loss {mean:.2f}")
            if until_s is not None and time.monotonic() > until_s:
                return model.eval()
        if not after_epoch(model.eval(), epoch + 1):
            break
    return model.eval()


@torch.inference_mode()
def user_vectors(model: Recommender, sequences: Sequence[Sequence[int]]) -> Any:
    """[sequences, width]: the unit vector after each sequence's last token."""
    device = model.bias.device
    out = np.zeros((len(sequences), model.shape.width), np.float32)
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    for start in range(0, len(order), 64):
        chosen = order[start : start + 64]
        longest = max(len(sequences[index]) for index in chosen)
        ids = torch.full((len(chosen), longest), PAD)
        for line, index in enumerate(chosen):
            ids[line, : len(sequences[index])] = torch.tensor(list(sequences[index]))
        last = torch.tensor([len(sequences[index]) - 1 for index in chosen], device=device)
        states = model(ids.to(device))
        out[chosen] = states[torch.arange(len(chosen), device=device), last].cpu().numpy()
    return out
