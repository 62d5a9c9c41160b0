"""What a translator does with what it is given: ignores it, hands it back, tints it."""

from gansmith.doctor.findings import Value
from gansmith.doctor.history import History, Suspicion
from gansmith.doctor.rules.contract import Rule
from gansmith.doctor.rules.variety import rising

WINDOW = 300  # steps
HEEDED = 0.08  # of the distance of two targets: what two inputs make of one noise
NOT_AT_ALL = 0.01  # of the same: what is said of nets that have learned little
TELLING = 0.75  # where chance brings pairs that are none as near as that, they are too few to tell
CHANGED, NEARER = 0.1, 0.1  # the way from the inputs, and of the way to the targets
APART = 2.0  # times what chance makes of two sets alike
SHIFT = 0.1  # of the range: 25 of 255 levels, in the mean over all pixels of all pictures
TINTED = 1.0  # deviations of pictures
COLOURS = ("grey", "red", "green", "blue")


def ignored(history: History) -> Suspicion | None:
    """Whatever G is given, it makes the same, or what the noise says, or anything.

    Outputs of two inputs and one noise lie less than a twelfth as far apart as two pictures of the
    target side; or, of pairs, outputs that are not the inputs lie no nearer to their own targets
    than, in 99 of 100 cases, they would to targets in any order. Isola et al. 2017, section 4.1,
    saw it of a D that does not see the input, and Zhu et al. 2017, section 1, name it what D alone
    leads to: all inputs map to one output. Untrained translators heed three times as much, and one
    that comes to heed more is on its way.
    """
    share = history.middle("heeded", WINDOW)
    own, chance = history.middle("own_target", WINDOW), history.middle("own_chance", WINDOW)
    early = history.step < 300 and (share is None or share >= NOT_AT_ALL)
    unheeded = share is not None and share < HEEDED
    back = (history.middle("changed", WINDOW) or 0.0) < CHANGED
    by_chance = own is not None and chance is not None and own > chance > TELLING
    unrelated = by_chance and not back and history.step >= 500
    if early or not (unheeded or unrelated):
        return None
    seen = {
        "heeded": share,
        "own_target": own,
        "own_chance": chance,
        "noise_share": history.middle("noise_share", WINDOW),
    }
    values = {key: value for key, value in seen.items() if value is not None}
    sure = share is not None and share < 2 * NOT_AT_ALL
    return Suspicion(values, certainty=0.95 if sure else 0.85 if unheeded else 0.75)


def _heeds_more(history: History) -> bool:
    return rising(history, "heeded", HEEDED)


def handed_back(history: History) -> Suspicion | None:
    """G gives back what it is given, though that is not what is wanted.

    Outputs lie within a tenth of the distance of two inputs (of pairs, of input and target) from
    their own inputs, and no nearer to the target side than these. Zhu et al. 2017, section 6, saw
    dogs that were to become cats left nearly as they were. Where two sides without pairs are no
    further apart than twice what chance makes of one, nothing is said.
    """
    way, nearer = history.middle("changed", WINDOW), history.middle("nearer", WINDOW)
    apart = history.middle("sides_apart", WINDOW)
    if way is None or nearer is None or way >= CHANGED or nearer >= NEARER:
        return None
    if apart is not None and apart < APART:
        return None
    values: dict[str, Value] = {"changed": way, "nearer": nearer}
    if apart is not None:
        values["sides_apart"] = apart
    return Suspicion(values, certainty=0.95 if way < CHANGED / 4 else 0.85)


def tinted(history: History) -> Suspicion | None:
    """Outputs, as a set, have other colours than the target side.

    The mean of a channel is off by more than a tenth of the range, always to the same side, and by
    more than pictures of the target side deviate from each other (of pairs, than outputs deviate
    from their targets). Zhu et al. 2017, section 5.2: without an identity loss a translator is free
    to change the tint of its inputs, as by day and sunset. Young translators are off by as much,
    and to another side at each look.
    """
    off = history.middle("tint", WINDOW)
    shifts = {key: history.middle(f"tint_{key}", WINDOW) for key in COLOURS}
    seen = {f"tint_{key}": shift for key, shift in shifts.items() if shift is not None}
    if off is None or off < TINTED or not seen:
        return None
    most = max(map(abs, seen.values()))
    if most < SHIFT:
        return None
    values: dict[str, Value] = {"tint": off, **seen}
    return Suspicion(values, certainty=0.85 if most > 2 * SHIFT else 0.7)


RULES = (
    Rule("GS318", ignored, after=100, looks=3, span=150, excuse=_heeds_more, played=True),
    # With `model.g.residual` it sets out from its input: not to have left it is told of as well.
    Rule("GS319", handed_back, after=800, looks=4, span=200),
    Rule("GS320", tinted, after=800, looks=4, span=200, played=True),
)
