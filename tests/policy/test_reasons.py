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


def test_a_long_copy_is_found_among_long_texts_and_takes_no_time_that_grows_with_the_square():
    words = [f"w{number * 7919 % 100_003}" for number in range(100_000)]
    original = " ".join(words)
    copy = " ".join("other" if number % 40 == 0 else word for number, word in enumerate(words))
    assert fault(copy, [original])
    assert fault(" ".join(reversed(words)), [original]) is None
    unspaced = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(9_000))
    assert fault(unspaced + "\u4e00", [unspaced])
    assert fault(unspaced[::-1], [unspaced]) is None
