"""What the samples look like: spectrum, patterns of upsampling, range, what is in a hole."""

from gansmith.doctor.history import History, Suspicion
from gansmith.doctor.rules.contract import Rule

WINDOW = 300  # steps
DETAIL = 0.25  # of what had been in the holes
SHORT, OVER = 0.25, 0.45  # of the data's range: an end not reached, and one that is passed


def _factor(decades: float) -> float:
    return float(10 ** min(decades, 30.0))


def spectrum(history: History) -> Suspicion | None:
    """Fine detail is missing, or is noise.

    Power in the upper half of the frequencies ten times below or above that of the data (Durall et
    al. 2020, section 3: upsampling distorts the spectrum; blur is the other way).
    """
    high = history.middle("spectrum_high", WINDOW)
    if high is None or -1.0 < high < 1.0:
        return None
    return Suspicion({"spectrum_high": high, "times": _factor(abs(high))}, certainty=0.7)


def checkerboard(history: History) -> Suspicion | None:
    """A pattern of period 2, which the data do not have.

    Power at half the sampling rate far above that of the data, and above what the other fine
    frequencies would explain (Odena et al. 2016: transposed convolutions whose kernel is no
    multiple of their stride cover pixels unevenly).
    """
    board = history.middle("checkerboard", WINDOW)
    high = history.middle("spectrum_high", WINDOW)
    if board is None or high is None or board < 1.0 or board - max(high, 0.0) < 0.6:
        return None
    return Suspicion({"checkerboard": board, "times": _factor(board)}, certainty=0.75)


def off_range(history: History) -> Suspicion | None:
    """Samples fill another range of values than the data, however long G has learned.

    An end of the range missed by more than a quarter of its width, or passed by nearly half of it:
    G's last activation cannot reach it, or data and G are scaled differently. Edges that a linear
    output drew a third too dark are cut off when they are shown, and do no harm.
    """
    keys = ("low_fake", "high_fake", "low_real", "high_real")
    found = [history.middle(key, WINDOW) for key in keys]
    if any(value is None for value in found):
        return None
    low, high, low_real, high_real = (float(value or 0.0) for value in found)
    width = high_real - low_real
    short, over = max(low - low_real, high_real - high), max(low_real - low, high - high_real)
    if width <= 0 or (short < SHORT * width and over < OVER * width):
        return None
    values = {"low": low, "high": high, "low_real": low_real, "high_real": high_real}
    return Suspicion(values, certainty=0.85)


def flat_fillings(history: History) -> Suspicion | None:
    """There is next to nothing in the holes: one grey in each, or in all.

    Values within a filling deviate less than a quarter as far as those of the pixels that had been
    there. Means of what may have been there are what L1 and L2 alone lead to (Pathak et al. 2016,
    section 3.2), but of a hole's surroundings they still have more than that.
    """
    detail = history.middle("hole_detail", WINDOW)
    if detail is None or detail >= DETAIL:
        return None
    values = {"hole_detail": detail}
    tone = history.middle("hole_tone", WINDOW)
    if tone is not None:
        values["hole_tone"] = tone
    return Suspicion(values, certainty=0.9)


RULES = (
    Rule("GS311", spectrum, after=1000, looks=4, span=300, played=True),
    Rule("GS312", checkerboard, after=800, looks=4, span=300, played=True),
    Rule("GS316", off_range, after=500, looks=4, span=200, played=True),
    Rule("GS317", flat_fillings, after=500, looks=4, span=200),
)
