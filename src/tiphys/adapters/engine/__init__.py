"""The engine: a Go program around the tools that exist only as Go libraries.

It is the one sandbox. Whatever a user wrote that has to be parsed or evaluated is, there and
nowhere else, and comes back as JSON.
"""

from tiphys.adapters.engine.binary import EngineLimits, fingerprint, locate
from tiphys.adapters.engine.errors import EngineDiedError, EngineNotBuiltError
from tiphys.adapters.engine.evaluator import EngineEvaluator
from tiphys.adapters.engine.lane import LaneOptions
from tiphys.adapters.engine.renderer import EngineRenderer

__all__ = [
    "EngineDiedError",
    "EngineEvaluator",
    "EngineLimits",
    "EngineNotBuiltError",
    "EngineRenderer",
    "LaneOptions",
    "fingerprint",
    "locate",
]
