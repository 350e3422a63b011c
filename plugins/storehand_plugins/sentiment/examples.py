"""Inputs that warm the model up, document the task and feed the contract kit."""

from __future__ import annotations

from storehand.contracts.sentiment import Rating, Review, SentimentInput

EXAMPLES = (
    SentimentInput(
        reviews=(
            Review(
                id="1", review_body="物流很快，第二天就到了，杯子很好看，不漏水。", review_rating=Rating(rating_value=5)
            ),
            Review(
                id="2", review_body="虽然包装不错，但是质量太差，用了两天就坏了。", review_rating=Rating(rating_value=1)
            ),
            Review(id="3", review_body="还没用，用过再来追评。"),
        )
    ),
    SentimentInput(
        reviews=(
            Review(id="a", review_body="Fits true to size and the fabric is lovely. Fast delivery too!"),
            Review(id="b", review_body="The battery died after a week and support never answered."),
            Review(id="c", review_body="Not bad, but the colour is different from the picture."),
        ),
        scale="binary",
    ),
)
