"""What counts as a reason, and what as a rubber stamp."""

from __future__ import annotations

import pytest

from mlassay.policy.reasons import fault


@pytest.mark.parametrize(
    "text",
    [
        "The interval for the smallest group is narrow enough for this product.",
        "Ich habe die Ablehnungen beider Gruppen verglichen; der Abstand ist klein.",
        "检查了各组的拒绝率差异可以接受",
        "Risk: stale labels after March.",
    ],
)
def test_a_text_that_says_something_is_a_reason(text):
    assert fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\n",
        "LGTM",
        "L.G.T.M",
        "Looks good to me!",
        "\uff2f\uff2b",
        "👍👍👍",
        "...",
        "no risk",
        "I approve this release.",
        "x",
        "aaaaaaaaaaaaaaaaaa",
        "ok ok ok ok ok ok ok ok ok",
    ],
)
def test_emptiness_and_rubber_stamps_are_none(text):
    assert fault(text)


def test_a_copy_is_found_through_case_spaces_and_a_changed_word():
    original = "The ratio of favourable rates is well above the floor in both groups."
    assert fault(original, [original])
    assert fault("the RATIO of favourable rates is well above the floor, in both groups!", [original])
    assert fault(original.replace("well", "far"), [original])
    assert fault(original, ["", "Something else altogether, about drift."]) is None
