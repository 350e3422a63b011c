"""The sentiment of a customer's message: by its words, and by the classifier where words of opinion are in it."""

from __future__ import annotations

from storehand.contracts.chat import MessageSentiment
from storehand.contracts.sentiment import Label
from storehand.task import Models
from storehand_plugins.chat.signals import Signals
from storehand_plugins.sentiment.labels import LabelReader

ROLE = "sentiment"
_READ_CHARS = 1000
_FELT = 0.2


def message_sentiment(text: str, signals: Signals, models: Models) -> MessageSentiment:
    """A message without a word of opinion is neutral: classifiers are trained on reviews and call questions negative.

    Where the words and the classifier disagree, the words decide the label and the score is their mean.
    """
    if not signals.mood or not text:
        return MessageSentiment(label="neutral", score=0.0)
    [found] = models.classify(ROLE, [text[:_READ_CHARS]])
    opinion = LabelReader(models.info(ROLE).labels).read(found)
    score = max(-1.0, min(1.0, (signals.mood + opinion.score) / 2))
    if score * signals.mood < 0:
        score = signals.mood / 2
    label: Label = "neutral" if abs(score) < _FELT else "positive" if score > 0 else "negative"
    return MessageSentiment(label=label, score=round(score, 4))
