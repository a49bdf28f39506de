"""Intervals, tests and sample sizes. Pure: NumPy and SciPy only, no files, no clock, no hidden randomness.

nan in gives nan out, and nan compares as false with every limit, so that it never decides anything. How often
each interval covers, and each rule errs, stands in ``docs/statistics.md`` and is held by ``tests/statistics``.
"""

from mlassay.statistics.bootstrap import bootstrap_counts, paired_bootstrap, unpaired_bootstrap
from mlassay.statistics.calibration import (
    CalibrationBins,
    CalibrationLine,
    calibration_bins,
    calibration_gap,
    calibration_line,
    gap_limits,
    spiegelhalter,
)
from mlassay.statistics.drift import Stability, kolmogorov_smirnov, kolmogorov_smirnov_counts, stability
from mlassay.statistics.estimate import SEED, Estimate, Test
from mlassay.statistics.means import (
    Moments,
    mean_interval,
    median_difference,
    median_interval,
    welch,
    welch_p,
)
from mlassay.statistics.mover import (
    lower_to_higher,
    mover_difference,
    mover_ratio,
    newcombe,
    ratio_interval,
    size_of_difference,
)
from mlassay.statistics.multiple import family_wise_z, holm
from mlassay.statistics.operating import tpr_at_fpr
from mlassay.statistics.paired import mcnemar, paired_difference
from mlassay.statistics.planning import factor_to_settle, rows_for_mean, rows_for_rate
from mlassay.statistics.proportions import Z95, clopper_pearson, p_value, rate_limits, wilson
from mlassay.statistics.ranking import (
    auc,
    auc_difference,
    auc_drop,
    auc_interval,
    macro_auc,
    macro_auc_drop,
)

__all__ = [
    "SEED",
    "Z95",
    "CalibrationBins",
    "CalibrationLine",
    "Estimate",
    "Moments",
    "Stability",
    "Test",
    "auc",
    "auc_difference",
    "auc_drop",
    "auc_interval",
    "bootstrap_counts",
    "calibration_bins",
    "calibration_gap",
    "calibration_line",
    "clopper_pearson",
    "factor_to_settle",
    "family_wise_z",
    "gap_limits",
    "holm",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_counts",
    "lower_to_higher",
    "macro_auc",
    "macro_auc_drop",
    "mcnemar",
    "mean_interval",
    "median_difference",
    "median_interval",
    "mover_difference",
    "mover_ratio",
    "newcombe",
    "p_value",
    "paired_bootstrap",
    "paired_difference",
    "rate_limits",
    "ratio_interval",
    "rows_for_mean",
    "rows_for_rate",
    "size_of_difference",
    "spiegelhalter",
    "stability",
    "tpr_at_fpr",
    "unpaired_bootstrap",
    "welch",
    "welch_p",
    "wilson",
]
