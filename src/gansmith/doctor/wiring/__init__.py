"""The rules of wiring, GS101 to GS129: each reads one optimiser step and what went before it."""

from collections.abc import Callable, Iterator

from gansmith.doctor.hearing import Step
from gansmith.doctor.wiring import gradients, health, objectives, samples
from gansmith.doctor.wiring.bench import Bench, Evidence, Tally
from gansmith.doctor.wiring.health import Scales

Rule = Callable[[Step, Bench], Iterator[Evidence]]

# Read at every step that is listened to. `agreement` notes the pulls that others read.
RULES: tuple[Rule, ...] = (
    gradients.gradient_comes,
    gradients.waits,
    gradients.one_optimiser,
    gradients.frozen,
    gradients.strays,
    gradients.leftovers,
    objectives.agreement,
    objectives.form,
    objectives.one_sided,
    samples.ranges,
    samples.noise,
    health.modes,
)

# What a disorder brings about is not told beside it.
EXPLAINS: dict[str, frozenset[str]] = {
    "GS101": frozenset({"GS111", "GS108"}),
    "GS107": frozenset({"GS101", "GS102", "GS105", "GS106", "GS109", "GS110", "GS111", "GS112"}),
    "GS105": frozenset({"GS111", "GS112"}),
    "GS106": frozenset({"GS112"}),
    "GS109": frozenset({"GS112"}),
    "GS112": frozenset({"GS111"}),
    "GS113": frozenset({"GS117", "GS124"}),
    "GS115": frozenset({"GS125"}),
    "GS117": frozenset({"GS120"}),
    "GS119": frozenset({"GS120", "GS117", "GS121"}),
    "GS128": frozenset({"GS123"}),
}

__all__ = ["EXPLAINS", "RULES", "Bench", "Evidence", "Scales", "Tally"]
