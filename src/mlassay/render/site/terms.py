"""The words of the pages, each explained in plain ones and linked where a page first uses it."""

from __future__ import annotations

from dataclasses import dataclass, field

from markupsafe import Markup

from mlassay.render.site.names import href, listing

GLOSSARY = {
    "anchor": "A small file that names one commit. It is kept where those who write the history cannot reach it.",
    "approval": "One person's signed yes to one promotion or one change.",
    "change": "A request to alter the rules, the people or the facts told of a data set.",
    "commit": "One entry in the history that git keeps. Its name is a digest, so it cannot be altered unseen.",
    "criteria": "The limits that a model had to keep. They were set before it was measured.",
    "cut-out": "Taking a release out of service at once.",
    "data set": "The rows that a model learns from or is tested on. A file, the manifest, says what they are.",
    "digest": "A short string worked out from all bytes of a file. Change one byte, and it is another string.",
    "environment": "A place where a model is used, such as staging for trials and production for real use.",
    "evidence": "The files that were kept about a release: what was measured, how, and who signed it.",
    "finding": "One reason in a verdict, or one thing that an audit found wrong.",
    "gate": "A test that a release has to pass, such as the one that compares groups of people.",
    "group": "Rows that share a value which must not bring harm, such as age or origin.",
    "key": "A secret number that only one person or machine holds. With it they sign; its public half lets anybody check.",
    "margin": "The range in which the true value is likely to lie, given how few rows were seen. It is right 19 times in 20.",
    "main line": "The chain of commits that counts, from the first to the newest.",
    "manifest": "The file that says what a data set is: its files, its digests, and what people must know of it.",
    "policy": "The file with the rules: who must agree to what, and which gates a release must pass.",
    "promotion": "A request to let a release run in an environment, with all that people said of it.",
    "refusal": "One person's signed no. It blocks what was asked for.",
    "release": "One model, fixed to the last byte, with its evidence. Its name is a date and a piece of a digest.",
    "root of trust": "The commit that first named the people and the rules. All later trust hangs on it.",
    "self-reported": "Said by the team's own code. It is kept, but no one relies on it.",
    "signature": "Proof that the holder of a key wrote just these bytes.",
    "verdict": "What the tests said of a release: passed, failed, or not settled (inconclusive).",
    "waiver": "A signed exception for one gate of one release. It has a reason and an end.",
    "weakening": "A change that makes a test easier to pass, such as a lower limit. Somebody must agree to each.",
}
"""Each word with what it means, in words that need no training."""

NUMBERS = {
    "accuracy": "The share of all rows for which the model gave the right answer.",
    "accuracy_difference": "The gap between two groups in the share of right answers.",
    "average_precision": "How well the model puts the rows that matter at the top of its list. 1 is best.",
    "balanced_accuracy": "The share of right answers, taken for each label by itself and then averaged.",
    "brier": "How far the chances that the model named were off, squared. 0 is best.",
    "equalized_odds_difference": "The largest gap between two groups in how often the model errs or is right.",
    "f1": "One number for two aims: to find the rows that matter, and to find no others. 1 is best.",
    "false_negative_rate_difference": "The gap between two groups in how often those who should get the good answer do not.",
    "false_positive_rate_difference": "The gap between two groups in how often a row is wrongly given the good answer.",
    "log_loss": "How far off the chances were that the model named, with a heavy price for being sure and wrong. 0 is best.",
    "macro_f1": "The f1 of each label by itself, then averaged, so that rare labels count as much. 1 is best.",
    "mae": "How far off the named numbers are on average, in their own unit. 0 is best.",
    "mean_absolute_error_difference": "The gap between two groups in how far off the named numbers are.",
    "mean_error": "How far off the named numbers are on average, when too high and too low may cancel, in their own unit.",
    "mean_error_difference": "The gap between two groups in how much too high or too low the named numbers are.",
    "mean_prediction_difference": "The gap between two groups in the number that the model names on average.",
    "median_absolute_error": "Half of the named numbers are off by no more than this, in their own unit. 0 is best.",
    "ndcg": "How near the order is to the best one, with the first rows counting most. 1 is best.",
    "precision": "Of the rows that the model picked, the share that it should have picked.",
    "precision_at_k": "Of the rows at the top that were chosen, the share that is of use.",
    "precision_difference": "The gap between two groups in how often a good answer is a right one.",
    "r2": "How much of the spread of the true numbers the model accounts for. 1 is best, 0 is no help at all.",
    "recall": "Of the rows that it should have picked, the share that the model did pick.",
    "recall_at_k": "Of the rows that are of use, the share that was chosen.",
    "recall_by_class_difference": "For each label, the gap between two groups in the share of its rows that the model finds.",
    "rmse": "How far off the named numbers are, with large errors weighing more, in their own unit. 0 is best.",
    "robust_rate": "The share of answers that stay the same when the input is altered a little.",
    "roc_auc": "How well the model puts rows in order. 0.5 is what a throw of dice gives, and 1 is best.",
    "selection_rate_difference": "The gap between two groups in the share that gets the good answer.",
    "selection_rate_ratio": "The share of one group that gets the good answer, divided by that of another. At 1 they are the same.",
    "true_positive_rate_difference": "The gap between two groups in how often those who should get the good answer do get it.",
}
"""The numbers that gates measure, likewise."""

GATES = {
    "adversarial": "Do small changes of the input turn the answer?",
    "behaviour": "Does it keep the promises that its domain makes?",
    "bias": "Do groups of people get the good answer at like rates?",
    "champion": "Does it decide otherwise than what runs now, and about whom?",
    "contract": "Can the model be run, and does it always give an answer?",
    "data": "Are the rows what their manifest says?",
    "explain": "What do the model's answers lean on, and can it be said?",
    "load": "Is it quick and small enough?",
    "parity": "Does the model that is served say what training said?",
    "performance": "How often is the model right?",
    "privacy": "Can somebody find out whose data the model was made from?",
    "stability": "Do answers stay when numbers are a little off?",
    "standards": "Could others read it, run it and take it over?",
    "supply": "What was it built from, and is any of that unsafe to use?",
    "unit": "Do the team's own tests pass?",
}
"""What each gate asks, as one would ask it aloud."""


def anchor(term: str) -> str:
    """The fragment of a word in the glossary."""
    return term.replace(" ", "-")


@dataclass(slots=True)
class Terms:
    """Which words one page has used already."""

    origin: str
    used: set[str] = field(default_factory=set)

    def __call__(self, term: str, spelt: str = "") -> Markup | str:
        """``term`` (or another form of it), linked to the glossary where this page uses it first."""
        if term not in GLOSSARY and term not in NUMBERS:
            raise KeyError(term)
        if term in self.used:
            return spelt or term
        self.used.add(term)
        target = f"{href(self.origin, listing('glossary'))}#{anchor(term)}"
        return Markup('<a class="term" href="{}">{}</a>').format(target, spelt or term)
