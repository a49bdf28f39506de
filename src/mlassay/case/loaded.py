"""Policy, people and ml.yaml by their bytes: a history holds the same few of them hundreds of times."""

from __future__ import annotations

from functools import lru_cache

from mlassay.config import Config, People, Policy, load_config, load_people, load_policy
from mlassay.evidence import layout


@lru_cache(maxsize=64)
def people_of(data: bytes) -> People:
    """The people that ``governance/people.yaml`` with these bytes names; ConfigurationError as `load_people`."""
    return load_people(layout.PEOPLE, data)


@lru_cache(maxsize=64)
def policy_of(data: bytes) -> Policy:
    """The policy that ``governance/policy.yaml`` with these bytes is; ConfigurationError as `load_policy`."""
    return load_policy(layout.POLICY, data)


@lru_cache(maxsize=64)
def config_of(data: bytes) -> Config:
    """What ``ml.yaml`` with these bytes says; ConfigurationError as `load_config`."""
    return load_config(layout.CONFIG, data)
