"""What a caller reads about an input that does not fit."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from storehand.contracts import INPUTS, DescriptionInput
from storehand.refusal import invalid_input


def refusal(task, **data):
    with pytest.raises(ValidationError) as caught:
        INPUTS[task].model_validate(data)
    return invalid_input(task, caught.value)


def review(number, **fields):
    return {"id": str(number), "reviewBody": "好", **fields}


def test_every_wrong_field_is_named_with_its_reason():
    error = refusal("sentiment", reviews=[{"id": "1"}], maxPoints=99)

    assert error.message == (
        "the input does not fit sentiment: reviews.0.reviewBody: Field required;"
        " maxPoints: Input should be less than or equal to 20"
    )
    assert error.details["task"] == "sentiment"
    assert [each["path"] for each in error.details["fields"]] == ["reviews.0.reviewBody", "maxPoints"]


def test_an_empty_list_is_too_short_in_plain_words():
    assert refusal("sentiment", reviews=[]).message.endswith("sentiment: reviews: must have at least 1 item(s)")


def test_a_language_tag_is_asked_for_in_words_not_as_a_pattern():
    said = "locale: must be a BCP-47 language tag such as zh-CN or en"

    assert refusal("description", product="Kettle", locale="zh_CN").message.endswith(said)
    assert refusal("description", product="Kettle", locale=7).message.endswith(said)


def test_the_pattern_stays_in_the_schema():
    schema = DescriptionInput.model_json_schema()

    assert schema["properties"]["locale"]["anyOf"][0]["pattern"].startswith("^[A-Za-z]{2,3}")
    assert "\\d{8}" in schema["$defs"]["Product"]["properties"]["gtin"]["anyOf"][0]["pattern"]


def test_our_own_reasons_come_without_pydantics_prefix():
    error = refusal("sentiment", reviews=[review(1, reviewRating={"ratingValue": 7}), review(2)])

    assert error.message.endswith("reviews.0.reviewRating: ratingValue 7 is over bestRating 5")


def test_many_wrong_fields_do_not_make_a_message_without_end():
    error = refusal("sentiment", reviews=[{"id": str(number)} for number in range(100)])

    assert error.message.count("Field required") == 5
    assert error.message.endswith("(and 95 more)")
    assert len(error.details["fields"]) == 20


def test_the_value_is_never_quoted():
    assert "Secret" not in str(refusal("description", product={"name": "Kettle", "gtin": "13 Secret Street"}).details)
