"""The files that people write (``ml.yaml``, policy, people) and the pointers that environments follow."""

from mlassay.config.environment import (
    Environment,
    EnvironmentRelease,
    dump_environment,
    environment_mapping,
    load_environment,
)
from mlassay.config.ml import limits, load_config
from mlassay.config.people import load_people
from mlassay.config.policy import load_policy
from mlassay.config.types import (
    RISKS,
    Approvals,
    CiSigner,
    Config,
    Evaluate,
    Key,
    Keyless,
    Level,
    ModelSpec,
    People,
    Person,
    Policy,
    Risk,
    RunLimits,
    Select,
    Step,
    Train,
    Weigh,
    level_of,
)
from mlassay.config.units import size_in_bytes

__all__ = [
    "RISKS",
    "Approvals",
    "CiSigner",
    "Config",
    "Environment",
    "EnvironmentRelease",
    "Evaluate",
    "Key",
    "Keyless",
    "Level",
    "ModelSpec",
    "People",
    "Person",
    "Policy",
    "Risk",
    "RunLimits",
    "Select",
    "Step",
    "Train",
    "Weigh",
    "dump_environment",
    "environment_mapping",
    "level_of",
    "limits",
    "load_config",
    "load_environment",
    "load_people",
    "load_policy",
    "size_in_bytes",
]
