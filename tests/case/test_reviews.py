"""What a review's body says: fields of its own, and nothing that is quoted, hidden or somebody else's."""

import time

import pytest

from mlassay.case.reviews import Words, words_of

PLAIN = Words("It holds.", "It may err.", {"whom": "Those near it."}, ("risk.level", "sensitive.afam"))


@pytest.mark.parametrize(
    "body",
    [
        "Reason: It holds.\nRisk: It may err.\nAnswer whom: Those near it.\nAccept: risk.level, sensitive.afam",
        "reason: It\nholds.\r\n\r\nRISK:It may err.\r\nanswer `whom`: Those near it.\r\nAccept: `risk.level`\r\nAccept: sensitive.afam",
        "- **Reason:** It holds.\n- **Risk**: It may err.\n* Answer whom: Those near it.\n+ Accepts: sensitive.afam risk.level",
        "Hello all.\n\nReason: It holds.\n\nSome other words.\n\nRisk: It may err.\nAnswer whom: Those near it.\nAccept: risk.level\nAccept: sensitive.afam\n\nThanks",
    ],
)
def test_fields_are_read_however_they_are_laid_out(body):
    assert words_of(body) == PLAIN


@pytest.mark.parametrize(
    "body",
    [
        "> Reason: It holds.\n> Risk: It may err.",
        "<!-- Reason: It holds. -->",
        "<!--\nReason: It holds.\n",
        "```\nReason: It holds.\n```",
        "~~~~\nReason: It holds.\n~~~\nRisk: It may err.",
        "    Reason: It holds.",
        "\tReason: It holds.",
        "> somebody's\nReason: It holds.",
        "- > theirs\n  Reason: It holds.",
        "[//]: # (\nReason: It holds.\n)",
        '[x]: /y "\nReason: It holds.\n"',
        '<img alt="a > b\nReason: It holds.\n">',
        "<a title='\nReason: It holds.\n'>x</a>",
        "<pre>\nReason: It holds.\n</pre>",
        "<?x\nReason: It holds.\n?>",
        "<!X\nReason: It holds.\n>",
        "No Reason: It holds.",
        "",
        "\x00\u202eReason It holds",
    ],
)
def test_what_is_quoted_hidden_or_shown_as_code_says_nothing(body):
    assert words_of(body) == Words()


def test_what_only_looks_like_markup_hides_nothing():
    said = words_of("Reason: the rate is <b 5% and it\nRisk: small > big\n\n> theirs\n\nAccept: x")
    assert (said.reason, said.risk, said.accepts) == ("the rate is <b 5% and it", "small > big", ("x",))


def test_a_field_ends_where_somebody_elses_words_begin():
    assert words_of("Reason: Mine.\n> theirs\nnot a field either").reason == "Mine."


def test_the_first_of_two_fields_counts_and_texts_are_capped():
    assert words_of("Reason: one\nReason: two").reason == "one"
    assert len(words_of("Reason: " + "x" * 70_000).reason) == 4000


@pytest.mark.parametrize(
    "body",
    [
        "reason" + " " * 65_000,
        "answer " + " " * 65_000 + "x",
        "<!--" * 16_000,
        "`" * 65_000,
        "- " * 32_000,
        "Accept: " + "a," * 32_000,
        "Answer a:\n" * 6_500,
        "*" * 65_000 + "Reason: x",
        '<a "' * 16_000,
        "<a b='" * 10_000,
        "<a " + "b " * 30_000,
        "<pre" * 16_000,
    ],
)
def test_no_body_takes_long(body):
    start = time.monotonic()
    words_of(body)
    assert time.monotonic() - start < 1
