"""Config, manifests and policy, merged once into one frozen Plan that every stage reads. Pure."""

from mlassay.plan.making import make_plan
from mlassay.plan.types import Plan

__all__ = ["Plan", "make_plan"]
