"""What is set before the first step, where the settings alone say that a run will fail.

A run that fails by its settings has failed long before its signs show it, and what was learned by
then is lost. So `auto` does not wait for them: what the lint finds far off, and a control of ours
can set, is set to what is usual (`gansmith.recipes.usual`) from the start. It is not tried over a
window, since there is nothing to compare with; the ladders go on from there.
"""

from collections.abc import Iterable, Mapping

from gansmith.doctor.findings import Finding

# The controls that a finding of the lint is about.
ABOUT: Mapping[str, tuple[str, ...]] = {
    "GS223": ("gamma",),
    "GS224": ("lr",),
    "GS237": ("beta1",),
    "GS238": ("gamma_least", "lr"),
    "GS239": ("gamma_least",),
    "GS240": ("d_steps",),
    "GS241": ("lr_D",),
}
# Without a penalty D may be as steep as its steps make it (Mescheder et al. 2018, section 2): what
# a D that is held would bear makes one that is not run away. There all that is far is set, where
# it is fast.
UNHELD, FASTER = "GS239", 3.0


def prescribed(
    found: Iterable[Finding], far: Mapping[str, float]
) -> tuple[dict[str, float], list[str]]:
    """The controls to set, to what is usual, and the findings that they are set for.

    Args:
        found: what the lint finds.
        far: by control, the value at which the run does what is usual; only of settings that are
            far from it (`gansmith.recipes.usual.departures`).

    Returns:
        Both empty where nothing is found that a control is about, or it is near to what is usual.
    """
    codes = {each.code for each in found}
    new: dict[str, float] = {}
    why: list[str] = []
    hasty = any(far.get(rate, 1.0) < 1 / FASTER for rate in ("lr", "lr_D")) or "d_steps" in far
    for code in sorted(codes & ABOUT.keys()):
        names = tuple(far) if code == UNHELD and hasty else ABOUT[code]
        named = {name: far[name] for name in names if name in far}
        if named:
            why.append(code)
            new |= named
    return new, why
