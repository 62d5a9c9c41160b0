"""Rules on the data, as far as D is shown them: how many samples and classes there are."""

from collections.abc import Iterator

from torch import Tensor

from gansmith.doctor.hearing import Call, Step, roles
from gansmith.doctor.hearing.kinship import tensors
from gansmith.doctor.wiring.bench import Bench, Evidence
from gansmith.doctor.wiring.crowd import classes

ROUNDS, LEAST = 8, 128  # showings of each on average, and of all, before they are called few
BATCHES = 12  # steps of the game with labels, before their class is called the only one


def _real(call: Call) -> Tensor | None:
    """The real samples of a call, if it is known which they are."""
    if not call.scalar or call.x.ndim < 2 or call.autocast:
        return None
    if call.origin == "real":
        return call.x
    if call.origin == "mixed" and call.fake_rows is not None:
        return call.x[~call.fake_rows]
    return None


def few(step: Step, bench: Bench) -> Iterator[Evidence]:
    """GS401, GS402: the same few real samples come again and again, or all are of one class."""
    crowd = bench.crowd
    if "D" not in roles(step.holds):
        return
    for call in step.calls:
        real = None if crowd.many or not call.gradients_on else _real(call)
        if real is not None:
            crowd.add(step.number, real)
        given = tensors([*call.given], whole=True)
        labels = classes([x for x in given if x.ndim < call.x.ndim], len(call.x))
        if labels is not None:
            crowd.label(step.number, labels)
    for draw in [each for each in step.draws if each.judged]:  # not those that are only shown
        labels = classes(tensors([*draw.given], whole=True), len(draw.keys))
        if labels is not None:
            crowd.label(step.number, labels)
    if crowd.shown >= LEAST:
        again = not crowd.many and crowd.shown >= ROUNDS * len(crowd.seen)
        values = {"distinct": len(crowd.seen), "shown": crowd.shown}
        yield Evidence("GS401", "D", again, values, step.line, need=2)
    if len(crowd.batches) >= BATCHES:
        alone = next(iter(crowd.labels))
        values = {"label": alone, "batches": len(crowd.batches)}
        yield Evidence("GS402", "D", len(crowd.labels) == 1, values, step.line, need=1)
