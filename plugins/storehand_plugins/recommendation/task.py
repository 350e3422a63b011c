"""The task itself: events become a sequence, the encoder engine a vector, the vector and the shop's counts a list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from storehand.contracts.recommendation import RecommendationInput, RecommendationOutput
from storehand.task import Context, Models, Task
from storehand_plugins.recommendation.examples import EXAMPLES

if TYPE_CHECKING:
    from storehand_plugins.recommendation.folder import ItemModel
    from storehand_plugins.recommendation.history import ShopperHistory

ROLE = "recommender"


class RecommendationTask(Task[RecommendationInput, RecommendationOutput]):
    """Ranks the items of the model folder bound to the role `recommender`; `storehand train recommender` writes one.

    The shopper's vector comes from the encoder engine, where many shoppers share a batch; everything else is counted.
    A score may differ in its last digits between batches; items whose scores are that close keep the order of the
    catalogue.
    """

    name = "recommendation"
    input_type = RecommendationInput
    output_type = RecommendationOutput
    roles: ClassVar = {ROLE: "encode"}
    starters: ClassVar = {ROLE: Path(__file__).parent.parent / "starter" / "recommender"}
    examples = EXAMPLES

    def run(self, input: RecommendationInput, models: Models, context: Context) -> RecommendationOutput:
        from storehand_plugins.recommendation.answer import build_answer  # numpy comes with the models extra
        from storehand_plugins.recommendation.folder import open_model
        from storehand_plugins.recommendation.history import NOTHING, read_history
        from storehand_plugins.recommendation.scoring import score_items

        context.check()
        info = models.info(ROLE)
        model = open_model(info)
        history = NOTHING
        if input.personalize:
            history = read_history(input.events, model.catalogue, now=datetime.now(UTC))
        vector = _shopper_vector(models, model, history, limit=min(model.limit, info.max_tokens))
        anchor = model.catalogue.number_of.get(input.anchor_sku or "")
        scores = score_items(model, history, vector, anchor=anchor, seen=input.seen)
        context.check()
        return build_answer(input, model, history, scores, info=info, usage=models.usage, task=self)


def _shopper_vector(models: Models, model: ItemModel, history: ShopperHistory, *, limit: int) -> list[float] | None:
    from storehand_plugins.recommendation.visits import token_ids, token_name

    if not history.visits:
        return None
    ids = token_ids(history.visits, is_open=history.is_open, marks=model.marks, limit=limit)
    [vector] = models.encode(ROLE, [" ".join(map(token_name, ids))])
    return vector
