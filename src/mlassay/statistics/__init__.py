"""Intervals, tests and sample sizes. Pure: NumPy and SciPy only, no files, no clock, no hidden randomness."""

from mlassay.statistics.multiple import family_wise_z, holm
from mlassay.statistics.paired import (
    SEED,
    Estimate,
    bootstrap_counts,
    mcnemar,
    mean_interval,
    paired_bootstrap,
    paired_difference,
)
from mlassay.statistics.planning import factor_to_settle
from mlassay.statistics.proportions import (
    Z95,
    lower_to_higher,
    mover_difference,
    mover_ratio,
    newcombe,
    p_value,
    ratio_interval,
    size_of_difference,
    wilson,
)
from mlassay.statistics.ranking import auc, auc_drop, auc_interval

__all__ = [
    "SEED",
    "Z95",
    "Estimate",
    "auc",
    "auc_drop",
    "auc_interval",
    "bootstrap_counts",
    "factor_to_settle",
    "family_wise_z",
    "holm",
    "lower_to_higher",
    "mcnemar",
    "mean_interval",
    "mover_difference",
    "mover_ratio",
    "newcombe",
    "p_value",
    "paired_bootstrap",
    "paired_difference",
    "ratio_interval",
    "size_of_difference",
    "wilson",
]
