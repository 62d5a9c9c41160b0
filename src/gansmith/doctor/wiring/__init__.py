"""The rules of wiring, GS101 to GS129, and two on the data: each reads one optimiser step."""

from collections.abc import Callable, Iterator

from gansmith.doctor.hearing import Step
from gansmith.doctor.wiring import data, gradients, health, objectives, samples
from gansmith.doctor.wiring.bench import Bench, Evidence, Tally, flat, outputs, told_apart
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
    data.few,
    health.modes,
)

__all__ = ["RULES", "Bench", "Evidence", "Scales", "Tally", "flat", "outputs", "told_apart"]
