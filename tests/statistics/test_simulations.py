"""Every interval covers, every alarm is false, and every plan settles, as often as ``docs/statistics.md`` says."""

import numpy as np
import pytest

from tests.statistics.simulations import ALL


@pytest.mark.parametrize("name", ALL)
def test_the_simulated_shares_are_what_they_must_be(name):
    simulation = ALL[name]
    # Fewer draws than the page's, so three standard errors of room; the page's own test holds its numbers without any.
    room = 3 * np.sqrt(0.05 * 0.95 / simulation.tested)
    shares = simulation.run(simulation.tested)
    assert len(shares) > 1
    for setting, share in shares:
        assert simulation.least - room <= share <= simulation.most + room, f"{setting}: {share}"
