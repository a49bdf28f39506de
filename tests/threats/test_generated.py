"""Random honest histories verify clean, whatever a team does in whatever order; altered ones never do.

A fixed handful of each is tried with every run. ``MLASSAY_GENERATED=5000`` tries so many, at random and anew each time.
"""

import os

from hypothesis import HealthCheck, settings

from tests.threats.generated_stories import Stories, audited, shown

MANY = int(os.environ.get("MLASSAY_GENERATED", "0"))


def tries(few: int, **more) -> settings:
    """Settings of a fixed number of examples, or of as many as were asked for."""
    return settings(
        max_examples=MANY or few,
        derandomize=not MANY,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


class Honest(Stories):
    def teardown(self) -> None:
        report = audited(self.team.history)
        assert not report.problems, shown(report)


Honest.TestCase.settings = tries(25, stateful_step_count=40)


class TestHonestHistoriesVerifyClean(Honest.TestCase):
    pass
