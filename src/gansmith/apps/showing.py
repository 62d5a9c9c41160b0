"""What makes a run's samples: of noise, or of pictures of the data, as its kind of net has it."""

from collections.abc import Callable

from gansmith.apps.completing import Completions, exhibited
from gansmith.apps.setting_up import Prepared
from gansmith.apps.translating import Translations, shown_sides
from gansmith.config import Config
from gansmith.data import Sides
from gansmith.models import Completer, Generator, Translator
from gansmith.tasks import TASKS, generator_of
from gansmith.training import State

OfPictures = Completions | Translations


def counted(generator: Generator, count: int) -> int:
    """How many samples to score: of what is made of pictures, no more than there are of them.

    What else is made of the same pictures is no more evidence, and intervals would be too narrow.
    """
    return min(count, generator.pictures) if isinstance(generator, OfPictures) else count


def maker_of(ready: Prepared) -> Callable[[State], Generator]:
    """From a state of a run to what makes its samples: by the average of G's weights."""
    spec, cfg = ready.spec, ready.cfg
    if spec.kind == "completion":
        data, masks = exhibited(cfg, spec, ready.data), cfg.masks
        return lambda state: Completions(generator_of(state.average), spec, data, masks)
    if spec.kind == "translation":
        assert isinstance(ready.data, Sides)
        sides, paired = shown_sides(cfg, spec, ready.data), TASKS[cfg.task].sides == "paired"
        return lambda state: Translations(generator_of(state.average), spec, sides, paired)
    return lambda state: Generator(generator_of(state.average), spec)


def shown_on(generator: Generator, cfg: Config) -> Generator:
    """A saved completer or translator with the pictures of its run; any other one as it is."""
    spec = generator.spec
    if isinstance(generator, Completer):
        return Completions(generator.net, spec, exhibited(cfg, spec), cfg.masks)
    if isinstance(generator, Translator):
        paired = TASKS[cfg.task].sides == "paired"
        return Translations(generator.net, spec, shown_sides(cfg, spec), paired)
    return generator
