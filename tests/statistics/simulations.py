"""Simulations in which the truth is known: what share of draws an interval covers, and a rule decides wrongly.

Each takes how many draws, is seeded, and answers rows of (setting, share of draws). The page ``docs/statistics.md``
shows them with `DRAWS`; the tests hold them with fewer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr, ndtri
from scipy.stats import binom

from mlassay.gates.bias_rules import RULES, decide
from mlassay.statistics import (
    Z95,
    auc_difference,
    auc_drop,
    auc_interval,
    calibration_bins,
    calibration_gap,
    calibration_line,
    factor_to_settle,
    kolmogorov_smirnov,
    kolmogorov_smirnov_counts,
    lower_to_higher,
    macro_auc,
    macro_auc_drop,
    mcnemar,
    mean_interval,
    median_difference,
    newcombe,
    paired_bootstrap,
    paired_difference,
    rate_limits,
    ratio_interval,
    rows_for_mean,
    rows_for_rate,
    spiegelhalter,
    stability,
    tpr_at_fpr,
    unpaired_bootstrap,
    welch,
)

DRAWS = 4000
Shares = list[tuple[str, float]]


@dataclass(frozen=True)
class Simulation:
    """A simulation: what it is about, what it must answer (within ``least`` and ``most``), and a factor for its draws."""

    title: str
    run: Callable[[int], Shares]
    least: float
    most: float
    effort: float = 1.0  # shares of `DRAWS`; the dear ones take fewer
    tested: int = 400  # draws that the tests take

    def shares(self):
        """The simulated shares, by setting, as the page shows them."""
        return self.run(int(DRAWS * self.effort))


def _rng(seed):
    return np.random.Generator(np.random.PCG64(seed))


def _share(hits):
    return float(np.mean(list(hits)))


def _holds(estimate, truth):
    return estimate.lower <= truth <= estimate.upper


# --- several groups at once -------------------------------------------------------------------------------------

FAMILIES = (
    (1, 100, 0.5),
    (2, 50, 0.1),
    (5, 200, 0.2),
    (5, 30, 0.5),
    (10, 100, 0.3),
    (3, 1000, 0.5),
    (20, 50, 0.3),
    (20, 1000, 0.1),
)


def _families(draws, ratios, outcome, reference=1):
    """Families of groups against one reference group: the share of draws in which the gate's rule says ``outcome``."""
    shares = []
    for groups, rows, rate in FAMILIES:
        generator, true = _rng(11 * groups + rows), rate * np.resize(ratios, groups)
        x = generator.binomial(rows, true, size=(draws, groups)).astype(float)
        y = generator.binomial(rows * reference, rate, size=(draws, 1)).astype(float)
        pairs = (x, np.full_like(x, rows), np.broadcast_to(y, x.shape), np.full_like(x, rows * reference))
        said = decide(RULES["selection_rate_ratio"], 0.8, pairs, np.ones(x.shape, bool))
        hit = said.failed.any(axis=1) if outcome == "failed" else said.passed.all(axis=1)
        shares.append((f"{groups} and a reference, {rows} rows each, rate {rate:g}", float(hit.mean())))
    return shares


def equal_groups_failed(draws):
    return _families(draws, [1.0], "failed")


def floor_groups_failed(draws):
    return _families(draws, [0.8], "failed")


def floor_passed(draws):
    return _families(draws, [0.8, 1.0, 1.0], "passed", reference=10)


def below_floor_passed(draws):
    return _families(draws, [0.72, 1.0, 1.0], "passed", reference=10)


# --- intervals --------------------------------------------------------------------------------------------------


def rate(draws):
    """By enumeration, whatever ``draws``: the least coverage over 99 rates."""
    shares = []
    for rows in (30, 50, 100, 1000):
        lower, upper = rate_limits(np.arange(rows + 1), rows)
        truths = np.linspace(0.01, 0.99, 99)
        chance = binom.pmf(np.arange(rows + 1)[:, None], rows, truths)
        held = (lower[:, None] <= truths) & (truths <= upper[:, None])
        shares.append((f"{rows} rows, the worst of 99 rates", float((chance * held).sum(axis=0).min())))
    return shares


def paired_rates(draws):
    shares = []
    for rows in (50, 200, 1000):
        for cells in ((0.8, 0.05, 0.03, 0.12), (0.4, 0.2, 0.2, 0.2), (0.97, 0.01, 0.005, 0.015)):
            drawn = _rng(8).multinomial(rows, cells, size=draws).tolist()
            hits = (_holds(paired_difference(*each), cells[1] - cells[2]) for each in drawn)
            shares.append((f"{rows} rows, the two differ in {100 * (cells[1] + cells[2]):g}%", _share(hits)))
    return shares


def areas(draws):
    shares = []
    for positives, negatives in ((15, 15), (10, 90), (60, 60), (100, 900)):
        for area in (0.6, 0.75, 0.9, 0.97):
            generator, truth = _rng(5), np.repeat([1, 0], [positives, negatives])
            scores = generator.normal(size=(draws, truth.size)) + truth * np.sqrt(2) * ndtri(area)
            hits = (_holds(auc_interval(truth, each), area) for each in scores)
            shares.append((f"{positives} positives, {negatives} negatives, AUC {area}", _share(hits)))
    return shares


def area_drops(draws):
    shares, true = [], ndtr(1.2 / np.sqrt(2)) - ndtr(1 / np.sqrt(2))
    for positives, negatives in ((20, 20), (15, 135), (100, 100)):
        generator, truth = _rng(2), np.repeat([1, 0], [positives, negatives])
        shared, own = generator.normal(size=(2, draws, truth.size))
        before, after = shared + 1.2 * truth, 0.8 * shared + 0.6 * own + truth
        hits = (_holds(auc_drop(truth, *pair), true) for pair in zip(before, after, strict=True))
        shares.append((f"{positives} positives, {negatives} negatives", _share(hits)))
    return shares


def area_differences(draws):
    shares, true = [], 0.9 - 0.75
    for small, large in ((20, 20), (20, 200), (100, 100)):
        generator = _rng(3)
        one, two = np.repeat([1, 0], small), np.repeat([1, 0], large)
        first = generator.normal(size=(draws, one.size)) + one * np.sqrt(2) * ndtri(0.9)
        second = generator.normal(size=(draws, two.size)) + two * np.sqrt(2) * ndtri(0.75)
        hits = (_holds(auc_difference((one, a), (two, b)), true) for a, b in zip(first, second, strict=True))
        shares.append((f"{small} of each label in one group, {large} in the other", _share(hits)))
    return shares


def _three_classes(generator, draws, rows, signal):
    truth = np.arange(rows) % 3
    noise = generator.normal(size=(draws, rows, 3))
    return truth, noise, signal * (truth[:, None] == np.arange(3))


def macro_areas(draws):
    """Scores are independent by class, so that the true areas are those of two normals."""
    shares = []
    for rows in (30, 90, 300):
        for area in (0.7, 0.9):
            truth, noise, shift = _three_classes(_rng(6), draws, rows, np.sqrt(2) * ndtri(area))
            hits = (_holds(macro_auc(truth, each + shift), area) for each in noise)
            shares.append((f"{rows} rows of three classes, AUC {area}", _share(hits)))
    return shares


def macro_area_drops(draws):
    shares, true = [], ndtr(1.2 / np.sqrt(2)) - ndtr(1 / np.sqrt(2))
    for rows in (60, 300):
        generator = _rng(7)
        truth, noise, shift = _three_classes(generator, draws, rows, 1.0)
        own = generator.normal(size=noise.shape)
        hits = (
            _holds(macro_auc_drop(truth, a + 1.2 * shift, 0.8 * a + 0.6 * b + shift), true)
            for a, b in zip(noise, own, strict=True)
        )
        shares.append((f"{rows} rows of three classes", _share(hits)))
    return shares


def rates_at_one_percent(draws):
    """Normal scores; the true rate at a false positive rate of 1% is that of a normal beyond its quantile."""
    shares = []
    for rows in (100, 500, 2000):
        for distance in (0.0, 1.0, 3.0):
            truth, true = np.repeat([1, 0], rows), float(ndtr(distance - ndtri(0.99)))
            scores = _rng(12).normal(size=(draws, truth.size)) + distance * truth
            hits = (_holds(tpr_at_fpr(truth, each), true) for each in scores)
            shares.append((f"{rows} of each, true rate {true:.3f}", _share(hits)))
    return shares


def _scored(generator, draws, rows, middle, spread, shift=0.0):
    """Scores, and truths drawn from scores moved by ``shift`` on the logit: (draws, rows) each."""
    x = middle + spread * generator.normal(size=(draws, rows))
    return expit(x), (generator.random((draws, rows)) < expit(x + shift)).astype(float), expit(x + shift)


SCORES = ((0.0, 1.0), (-3.5, 1.0), (1.0, 3.0))


def calibration_gaps(draws):
    shares = []
    for rows in (30, 100, 1000):
        for middle, spread in SCORES:
            scores, truth, real = _scored(_rng(21), draws, rows, middle, spread, 0.4)
            hits = (
                _holds(calibration_gap(t, s), float((p - s).mean()))
                for t, s, p in zip(truth, scores, real, strict=True)
            )
            shares.append(
                (f"{rows} rows, mean score {scores.mean():.2f}, logit spread {spread:g}", _share(hits))
            )
    return shares


def calibration_slopes(draws):
    shares = []
    for rows in (200, 1000):
        for part, middle, spread in (("slope", 0.0, 1.0), ("slope", 1.0, 2.0), ("intercept", -2.0, 1.0)):
            scores, truth, _ = _scored(_rng(22), draws, rows, middle, spread)
            true = 1.0 if part == "slope" else 0.0
            lines = (calibration_line(t, s) for t, s in zip(truth, scores, strict=True))
            hits = (_holds(getattr(line, part), true) for line in lines)
            shares.append((f"{part}, {rows} rows, mean score {scores.mean():.2f}", _share(hits)))
    return shares


def calibration_errors(draws):
    """The true error is that of the bins that were formed: of the mean probability in each."""
    shares = []
    for rows in (100, 1000):
        for shift in (0.0, 0.5):
            scores, truth, real = _scored(_rng(23), draws, rows, 0.0, 1.0, shift)
            hits = []
            for t, s, p in zip(truth, scores, real, strict=True):
                order = np.argsort(s)  # no ties: bins are runs of the sorted scores
                ends = np.cumsum((bins := calibration_bins(t, s)).rows)[:-1]
                gaps = [abs(part.sum()) for part in np.split((p - s)[order], ends)]
                hits.append(_holds(bins.error, sum(gaps) / rows))
            shares.append((f"{rows} rows, {'right' if not shift else 'too low'} scores", _share(hits)))
    return shares


def means(draws):
    shares = []
    for rows in (30, 100, 1000):
        values = _rng(31).exponential(size=(draws, rows))
        shares.append((f"{rows} rows of an exponential", _share(_holds(mean_interval(v), 1) for v in values)))
        values = _rng(32).normal(size=(draws, rows))
        shares.append((f"{rows} rows of a normal", _share(_holds(mean_interval(v), 0) for v in values)))
    return shares


def mean_differences(draws):
    shares = []
    for rows, others, spread in ((30, 30, 3), (30, 300, 3), (300, 30, 3), (1000, 50, 1)):
        first, second = _rng(33).normal(size=(draws, rows)), _rng(34).normal(0.5, spread, (draws, others))
        hits = (_holds(welch(a, b), -0.5) for a, b in zip(first, second, strict=True))
        shares.append((f"{rows} and {others} rows, spread 1 and {spread}", _share(hits)))
    return shares


def median_differences(draws):
    shares = []
    for rows, others in ((30, 30), (30, 300), (200, 200)):
        first, second = _rng(35).exponential(size=(draws, rows)), _rng(36).normal(size=(draws, others))
        hits = (_holds(median_difference(a, b), float(np.log(2))) for a, b in zip(first, second, strict=True))
        shares.append((f"{rows} and {others} rows", _share(hits)))
    return shares


def _f1(tables):
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * tables[..., 3] / (2 * tables[..., 3] + tables[..., 1] + tables[..., 2])


def _f1_drop(cells):
    """Of eight cells by truth, first and second answer."""
    three = cells.reshape(*cells.shape[:-1], 2, 2, 2)
    flat = [three.sum(axis=axis).reshape(*cells.shape[:-1], 4) for axis in (-1, -2)]
    return _f1(flat[0]) - _f1(flat[1])


def _known(estimates, truth):
    """Of those that have limits; an unknown one decides nothing."""
    known = [each for each in estimates if np.isfinite(each.lower)]
    return _share(_holds(each, truth) for each in known)


def bootstraps(draws):
    shares = []
    for rows in (50, 1000):
        for cells in ((0.51, 0.02, 0.02, 0.45), (0.4, 0.1, 0.1, 0.4)):
            drawn, true = _rng(41).multinomial(rows, cells, size=draws), float(_f1(np.array(cells)))
            shares.append(
                (f"F1 of {true:.2f}, {rows} rows", _known((paired_bootstrap(c, _f1) for c in drawn), true))
            )
        cells = np.array([0.485, 0.01, 0.002, 0.005, 0.005, 0.002, 0.005, 0.486])
        drawn, true = _rng(42).multinomial(rows, cells, size=draws), float(_f1_drop(cells))
        estimates = (paired_bootstrap(c, _f1_drop) for c in drawn)
        shares.append(
            (f"drop of F1 between two models that differ in 1%, {rows} rows", _known(estimates, true))
        )
    return shares


def unpaired_bootstraps(draws):
    shares = []
    one, two = np.array([0.51, 0.02, 0.02, 0.45]), np.array([0.4, 0.1, 0.1, 0.4])
    for rows, others in ((50, 50), (50, 500), (300, 300)):
        first, second = _rng(43).multinomial(rows, one, draws), _rng(44).multinomial(others, two, draws)
        estimates = (
            unpaired_bootstrap(a, b, lambda a, b: _f1(a) - _f1(b)) for a, b in zip(first, second, strict=True)
        )
        shares.append(
            (
                f"F1 of one group less that of another, {rows} and {others} rows",
                _known(estimates, float(_f1(one) - _f1(two))),
            )
        )
    return shares


# --- false alarms -----------------------------------------------------------------------------------------------


def psi_alarms(draws):
    """Cells are tenths of the first sample, as in use."""
    shares = []
    for rows, others, cells in ((100, 100, 10), (1000, 200, 10), (5000, 5000, 20), (300, 300, 3)):
        first, second = _rng(51).normal(size=(draws, rows)), _rng(52).normal(size=(draws, others))
        alarms = []
        for a, b in zip(first, second, strict=True):
            edges = np.quantile(a, np.arange(1, cells) / cells)
            counts = [np.bincount(np.searchsorted(edges, each), minlength=cells) for each in (a, b)]
            said = stability(*counts)
            alarms.append(said.index > said.noise)
        shares.append((f"{rows} and {others} rows in {cells} cells", _share(alarms)))
    return shares


def smirnov_alarms(draws):
    shares = []
    for rows, others in ((20, 20), (30, 300), (500, 500)):
        first, second = _rng(53).normal(size=(draws, rows)), _rng(54).normal(size=(draws, others))
        alarms = (kolmogorov_smirnov(a, b).p <= 0.05 for a, b in zip(first, second, strict=True))
        shares.append((f"{rows} and {others} rows", _share(alarms)))
    first, second = _rng(55).multinomial(1000, np.full(50, 0.02), size=(2, draws))
    alarms = (kolmogorov_smirnov_counts(a, b).p <= 0.05 for a, b in zip(first, second, strict=True))
    return [*shares, ("1000 and 1000 rows, known only in 50 cells", _share(alarms))]


def calibration_alarms(draws):
    shares = []
    for rows in (100, 1000):
        for middle, spread in SCORES:
            scores, truth, _ = _scored(_rng(24), draws, rows, middle, spread)
            pairs = list(zip(truth, scores, strict=True))
            words = f"{rows} rows, mean score {scores.mean():.2f}, logit spread {spread:g}"
            shares.append(
                (f"Spiegelhalter, {words}", _share(spiegelhalter(*pair).p <= 0.05 for pair in pairs))
            )
            binned = (calibration_bins(*pair) for pair in pairs)
            shares.append(
                (f"error beyond its noise, {words}", _share(b.error.point > b.noise for b in binned))
            )
    return shares


def mcnemar_alarms(draws):
    shares = []
    for rows, differ in ((100, 0.1), (1000, 0.05), (1000, 0.4)):
        drawn = _rng(56).multinomial(rows, [differ / 2, differ / 2, 1 - differ], size=draws)
        alarms = (mcnemar(int(a), int(b)) <= 0.05 for a, b, _ in drawn)
        shares.append((f"{rows} rows, the two differ in {100 * differ:g}%", _share(alarms)))
    return shares


# --- rows to settle ---------------------------------------------------------------------------------------------


def settled(draws):
    """How often as many rows as planning names settle the question, where the rates are as they were measured."""
    return [*_settled_rates(draws), *_settled_pairs(draws), *_settled_means(draws)]


def _settled_rates(draws):
    for real, limit in ((0.05, 0.1), (0.3, 0.25), (0.9, 0.95)):
        rows = rows_for_rate(real, limit)
        lower, upper = rate_limits(_rng(61).binomial(rows, real, draws * 10), rows)
        yield (
            f"a rate of {real} and a limit of {limit}: {rows} rows",
            float(((lower > limit) | (upper < limit)).mean()),
        )


def _settled_pairs(draws):
    for first, second, limit, ratio in (
        (0.45, 0.5, 0.8, True),
        (0.6, 0.9, 0.8, True),
        (0.07, 0.1, 0.8, True),
        (0.5, 0.52, 0.1, False),
        (0.7, 0.9, 0.1, False),
    ):

        def limits(x, n, y, z=Z95, ratio=ratio):
            return lower_to_higher(*ratio_interval(x, n, y, n, z)) if ratio else newcombe(y, n, x, n, z)

        def settles(factor, z, first=first, second=second, limit=limit, limits=limits):
            lower, upper = limits(100 * factor * first, 100 * factor, 100 * factor * second, z)
            return (lower >= limit) | (upper < limit)

        rows = int(np.ceil(100 * float(factor_to_settle(settles, (), Z95))))
        x, y = _rng(62).binomial(rows, np.array([first, second])[:, None], size=(2, draws * 10))
        lower, upper = limits(x, rows, y)
        words = "ratio" if ratio else "difference"
        share = float(((lower >= limit) | (upper < limit)).mean())
        yield f"a {words} of rates {first} and {second}, limit {limit}: {rows} rows a group", share


def _settled_means(draws):
    for distance in (0.1, 0.5):
        rows = rows_for_mean(distance, 1.0)
        estimates = [mean_interval(v) for v in _rng(63).normal(distance, 1.0, size=(draws, rows))]
        share = _share(each.lower > 0 or each.upper < 0 for each in estimates)
        yield f"a mean {distance} deviations from its limit: {rows} rows", share


FAMILY_WISE = {
    "equal_groups_failed": Simulation(
        "Truly equal groups of which the gate says failed", equal_groups_failed, 0, 0.05
    ),
    "floor_groups_failed": Simulation(
        "Groups whose ratio is exactly the floor, of which the gate says failed", floor_groups_failed, 0, 0.05
    ),
    "floor_passed": Simulation(
        "One group in three exactly at the floor, and the gate says passed", floor_passed, 0, 0.05
    ),
    "below_floor_passed": Simulation(
        "One group in three at nine tenths of the floor, and the gate says passed",
        below_floor_passed,
        0,
        0.025,
    ),
}
COVERAGE = {
    "rate": Simulation("A rate (`rate_limits`)", rate, 0.93, 1),
    "paired_rates": Simulation("Two rates on the same rows (`paired_difference`)", paired_rates, 0.93, 1),
    "areas": Simulation("AUC (`auc_interval`)", areas, 0.93, 1, 0.5),
    "area_drops": Simulation("AUC of two models on the same rows (`auc_drop`)", area_drops, 0.93, 1, 0.5),
    "area_differences": Simulation("AUC of two groups (`auc_difference`)", area_differences, 0.93, 1, 0.5),
    "macro_areas": Simulation("AUC of several classes (`macro_auc`)", macro_areas, 0.93, 1, 0.5),
    "macro_area_drops": Simulation(
        "The same of two models (`macro_auc_drop`)", macro_area_drops, 0.93, 1, 0.5
    ),
    "rates_at_one_percent": Simulation(
        "True positive rate at a false positive rate of 1% (`tpr_at_fpr`)", rates_at_one_percent, 0.93, 1, 0.5
    ),
    "calibration_gaps": Simulation(
        "Observed rate less mean score (`calibration_gap`)", calibration_gaps, 0.93, 1
    ),
    "calibration_slopes": Simulation(
        "Calibration line (`calibration_line`)", calibration_slopes, 0.93, 1, 0.5
    ),
    "calibration_errors": Simulation(
        "Expected calibration error (`calibration_bins`)", calibration_errors, 0.93, 1, 0.1, 100
    ),
    "means": Simulation("A mean (`mean_interval`)", means, 0.91, 1),
    "mean_differences": Simulation("Difference of two means (`welch`)", mean_differences, 0.93, 1),
    "median_differences": Simulation(
        "Difference of two medians (`median_difference`)", median_differences, 0.93, 1, 0.5
    ),
    "bootstraps": Simulation("Bootstrap of one sample (`paired_bootstrap`)", bootstraps, 0.93, 1, 0.4, 80),
    "unpaired_bootstraps": Simulation(
        "Bootstrap of two (`unpaired_bootstrap`)", unpaired_bootstraps, 0.93, 1, 0.4, 80
    ),
}
ALARMS = {
    "psi_alarms": Simulation(
        "Population stability index over its noise (`stability`)", psi_alarms, 0.02, 0.07, 0.5
    ),
    "smirnov_alarms": Simulation(
        "Kolmogorov-Smirnov (`kolmogorov_smirnov`)", smirnov_alarms, 0.005, 0.06, 0.5
    ),
    "calibration_alarms": Simulation(
        "Calibration (`spiegelhalter`, and `calibration_bins` beyond its noise)",
        calibration_alarms,
        0,
        0.07,
        0.2,
        150,
    ),
    "mcnemar_alarms": Simulation("McNemar (`mcnemar`)", mcnemar_alarms, 0, 0.06),
}
POWER = {"settled": Simulation("Questions that the named rows settle", settled, 0.75, 0.87)}
ALL = FAMILY_WISE | COVERAGE | ALARMS | POWER
