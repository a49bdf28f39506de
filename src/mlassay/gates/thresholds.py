"""The decision thresholds that gates try when they look for the nearest one that would pass."""

import numpy as np

SETTINGS = np.arange(1, 1000) / 1000
"""Thresholds as people write them, three decimals."""
