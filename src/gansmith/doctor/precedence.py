"""Which of several findings is the cause: literal tables, and the order that they make.

Severity says how bad a finding is, not what to mend first. A consequence is told after its cause,
whatever its severity; and where its own mend would be wrong while the cause stands, not at all.
``docs/doctor/signs.md`` shows the tables.
"""

from collections.abc import Iterable, Mapping

from gansmith.doctor.findings import Finding, gravest

_WRONG_CODE = frozenset({"GS301", "GS304", "GS305", "GS306", "GS308", "GS310"})
# How a game goes that is not played: rates and penalties, which these ask for, do not mend it.
_NO_GAME = frozenset(
    {"GS301", "GS302", "GS303", "GS304", "GS305", "GS306", "GS307", "GS308", "GS309"}
)
_NO_GAME |= {"GS313", "GS316", "GS317", "GS318", "GS319", "GS320"}

_ASTRAY = frozenset({"GS301", "GS302", "GS304", "GS305", "GS307", "GS308"})
_D_WINS = frozenset({"GS301", "GS304", "GS305", "GS308"})
_G_ESCAPES = frozenset({"GS301", "GS302", "GS306", "GS308", "GS313"})

# What a disorder explains is not told beside it.
EXPLAINS: Mapping[str, frozenset[str]] = {
    "GS101": (_NO_GAME - {"GS308"}) | {"GS111", "GS108"},
    "GS102": _NO_GAME - {"GS308"},
    "GS103": _NO_GAME,
    "GS104": _NO_GAME,
    "GS105": _NO_GAME | {"GS111", "GS112"},
    "GS106": _NO_GAME | {"GS112"},
    "GS107": _NO_GAME | {"GS101", "GS102", "GS105", "GS106", "GS109", "GS110", "GS111", "GS112"},
    "GS109": _NO_GAME | {"GS112"},
    "GS110": _NO_GAME,
    "GS112": frozenset({"GS111"}),
    "GS113": frozenset({"GS117", "GS124"}),
    "GS115": frozenset({"GS125"}),
    "GS117": frozenset({"GS120"}),
    "GS119": frozenset({"GS120", "GS117", "GS121"}),
    "GS129": frozenset({"GS119", "GS120"}),
    "GS123": _NO_GAME,
    "GS128": _NO_GAME | {"GS123"},
    # A larger rate, which stagnation asks for, does nothing for a game that has been lost ...
    "GS301": frozenset({"GS311", "GS312", "GS313"}),
    "GS304": frozenset({"GS313"}),
    "GS305": frozenset({"GS313"}),
    "GS306": frozenset({"GS313"}),
    "GS310": frozenset({"GS313"}),
    # ... and what samples look like says nothing while the numbers run away.
    "GS308": frozenset(
        {"GS307", "GS311", "GS312", "GS313", "GS316", "GS317", "GS318", "GS319", "GS320"}
    ),
    # What does not vary with its input is a collapse, of which the input is the mend; and what is
    # handed back has the modes and colours of the wrong side.
    "GS318": frozenset({"GS301", "GS302", "GS303", "GS313"}),
    "GS319": frozenset({"GS302", "GS303", "GS313", "GS320"}),
}

# What a disorder brings about is told after it.
BRINGS: Mapping[str, frozenset[str]] = {
    # Wrong code with which a game is played still, and what is no more than a warning by itself.
    "GS112": _WRONG_CODE,
    "GS113": _WRONG_CODE,
    "GS115": _WRONG_CODE,
    "GS116": _WRONG_CODE,
    "GS124": _WRONG_CODE,
    "GS125": _WRONG_CODE,
    # Any picture of the target side will do.
    "GS251": frozenset({"GS318"}),
    # One noise vector makes one sample of every batch.
    "GS129": frozenset({"GS301"}),
    # A few samples are learned by heart (Karras et al. 2020b, section 2).
    "GS401": frozenset({"GS301", "GS302", "GS303", "GS304", "GS305", "GS309", "GS314"}),
    # Both players run past each other (Gidel et al. 2019b), round the equilibrium or away from it
    # (Mescheder et al. 2018, section 2).
    "GS237": _ASTRAY,
    "GS238": _ASTRAY | {"GS306"},
    # A step too long kills units, throws G's samples into one place, and D then tells them easily.
    "GS308": frozenset({"GS301", "GS304", "GS305", "GS306", "GS310"}),
    # Dead units say the same whatever they are given, and pass nothing back.
    "GS310": frozenset({"GS101", "GS102", "GS304", "GS318"}),
    # Without noise every unit says one thing, and half of them nothing.
    "GS120": frozenset({"GS301", "GS310"}),
    # Of one class one mode is drawn.
    "GS402": frozenset({"GS302"}),
    # A G that gets no gradient, or none that leads anywhere, ends in one place; a translator stays
    # at its input.
    "GS304": frozenset({"GS301", "GS305", "GS318", "GS319"}),
    "GS306": frozenset({"GS301", "GS318", "GS319", "GS320"}),
    # One sample, drawn again and again, is easily told; so is whatever D has not learnt by heart.
    "GS301": frozenset({"GS305"}),
    "GS309": frozenset({"GS305"}),
    # Other ends of the range are other colours.
    "GS316": frozenset({"GS320"}),
    # Of one picture for all the colours are not those of many.
    "GS318": frozenset({"GS305", "GS320"}),
    # Samples that do not change are still those that G began with, or came to early.
    "GS313": frozenset({"GS302", "GS303", "GS307", "GS311", "GS312", "GS316", "GS317", "GS320"}),
}

# The same of settings that can be off both ways: what they bring where they are too small, and
# where they are too large (`_too_large`). A rate that is too low makes nothing run away.
BRINGS_BY_SIDE: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    # Mescheder et al. 2018, section 4: γ too small leaves the game undamped; too large, D is flat.
    "GS223": (_ASTRAY, frozenset({"GS301", "GS302", "GS306", "GS313"})),
    "GS224": (frozenset({"GS306", "GS313"}), _ASTRAY | {"GS306", "GS310", "GS316"}),
    # Heusel et al. 2017; Arjovsky and Bottou 2017, theorem 2.4: by what D has more of than G.
    "GS240": (_G_ESCAPES, _D_WINS),
    "GS241": (_G_ESCAPES, _D_WINS),
}


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Causes first; of those that have nothing to do with each other the gravest and surest first.

    What another finding explains is left out.
    """
    found = list(findings)
    explained = _reached(EXPLAINS, found)
    left, order = gravest(each for each in found if each.code not in explained), []
    while left:
        brought = frozenset[str]().union(*map(_brings, left))
        at = next((at for at, each in enumerate(left) if each.code not in brought), 0)
        order.append(left.pop(at))
    return order


def _reached(table: Mapping[str, frozenset[str]], findings: Iterable[Finding]) -> frozenset[str]:
    return frozenset().union(*(table.get(each.code, frozenset()) for each in findings))


def _brings(finding: Finding) -> frozenset[str]:
    """What a finding brings about: of a setting that can be off both ways, by its value."""
    sides, large = BRINGS_BY_SIDE.get(finding.code), _too_large(finding)
    if sides is None or large is None:
        return BRINGS.get(finding.code, frozenset())
    return sides[large]


def _too_large(finding: Finding) -> bool | None:
    """Whether a setting is above what is usual; of steps, whether D has more of them than G."""
    steps = [finding.values.get(name) for name in ("d_steps", "g_steps")]
    ratio = finding.values.get("ratio")
    if isinstance(steps[0], int) and isinstance(steps[1], int):
        return steps[0] > steps[1]
    return float(ratio) > 1.0 if isinstance(ratio, int | float) else None
