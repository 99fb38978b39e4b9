"""How one live object is doing, by kind, and how an application is doing because of its objects."""

from tiphys.core.health.judge import JUDGED_KINDS, judge, pending_deletion
from tiphys.core.health.rollup import AppHealth, HealthEntry, roll_up, worse

__all__ = [
    "JUDGED_KINDS",
    "AppHealth",
    "HealthEntry",
    "judge",
    "pending_deletion",
    "roll_up",
    "worse",
]
