"""What this team expects of its own model. mlassay runs these on the ONNX file that MLASSAY_MODEL names."""

import os

import numpy as np
import onnxruntime
import pytest

APPLICANT = {
    "pirat": 0.33, "hirat": 0.25, "lvrat": 0.75, "chist": 1, "mhist": 2, "phist": "no", "unemp": 3.8,
    "selfemp": "no", "insurance": "no", "afam": "no", "condomin": "no", "single": "no", "hschool": "yes",
}  # fmt: skip


@pytest.fixture(scope="module")
def probability_of_denial():
    """The model as a function of one applicant."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.environ["MLASSAY_MODEL"], options)

    def score(**changes) -> float:
        applicant = APPLICANT | changes
        feed = {
            column.name: np.array(
                [[applicant[column.name]]], dtype=np.float32 if column.type == "tensor(float)" else object
            )
            for column in session.get_inputs()
        }
        return float(session.run(["probabilities"], feed)[0][0, 1])

    return score


def test_an_ordinary_applicant_is_not_denied(probability_of_denial):
    assert probability_of_denial() < 0.5


def test_more_debt_never_lowers_the_probability_of_denial(probability_of_denial):
    scores = [probability_of_denial(pirat=ratio) for ratio in (0.1, 0.3, 0.5, 0.7)]
    assert scores == sorted(scores)


def test_a_public_bad_credit_record_counts_against_the_applicant(probability_of_denial):
    assert probability_of_denial(phist="yes") > probability_of_denial(phist="no")
