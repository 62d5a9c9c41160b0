"""Which of several findings is the cause: two literal tables, and the order that they make.

Severity says how bad a finding is, not what to mend first. A consequence is told after its cause,
whatever its severity; and where its own mend would be wrong while the cause stands, not at all.
``docs/doctor/signs.md`` shows both tables.
"""

from collections.abc import Iterable, Mapping

from gansmith.doctor.findings import Finding, gravest

_WRONG_CODE = frozenset({"GS301", "GS304", "GS305", "GS306", "GS308", "GS310"})

# What a disorder explains is not told beside it.
EXPLAINS: Mapping[str, frozenset[str]] = {
    "GS101": frozenset({"GS111", "GS108"}),
    "GS105": frozenset({"GS111", "GS112"}),
    "GS106": frozenset({"GS112"}),
    "GS107": frozenset({"GS101", "GS102", "GS105", "GS106", "GS109", "GS110", "GS111", "GS112"}),
    "GS109": frozenset({"GS112"}),
    "GS112": frozenset({"GS111"}),
    "GS113": frozenset({"GS117", "GS124"}),
    "GS115": frozenset({"GS125"}),
    "GS117": frozenset({"GS120"}),
    "GS119": frozenset({"GS120", "GS117", "GS121"}),
    "GS128": frozenset({"GS123"}),
    # A larger rate, which stagnation asks for, does nothing for a game that has been lost ...
    "GS301": frozenset({"GS311", "GS312", "GS313"}),
    "GS304": frozenset({"GS313"}),
    "GS305": frozenset({"GS313"}),
    "GS306": frozenset({"GS313"}),
    "GS310": frozenset({"GS313"}),
    # ... and what samples look like says nothing while the numbers run away.
    "GS308": frozenset({"GS307", "GS311", "GS312", "GS313", "GS316", "GS317"}),
}

# What a disorder brings about is told after it.
BRINGS: Mapping[str, frozenset[str]] = {
    # Wrong code that is no more than a warning by itself.
    "GS116": _WRONG_CODE,
    "GS124": _WRONG_CODE,
    "GS125": _WRONG_CODE,
    # A step too long kills units, throws G's samples into one place, and D then tells them easily.
    "GS308": frozenset({"GS301", "GS304", "GS305", "GS306", "GS310"}),
    # A G that gets no gradient, or none that leads anywhere, ends in one place.
    "GS304": frozenset({"GS301", "GS305"}),
    "GS306": frozenset({"GS301"}),
    # One sample, drawn again and again, is easily told; so is whatever D has not learnt by heart.
    "GS301": frozenset({"GS305"}),
    "GS309": frozenset({"GS305"}),
    # Samples that do not change are still those that G began with, or came to early.
    "GS313": frozenset({"GS302", "GS303", "GS307", "GS311", "GS312", "GS316", "GS317"}),
}


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Causes first; of those that have nothing to do with each other the gravest and surest first.

    What another finding explains is left out.
    """
    found = list(findings)
    explained = _reached(EXPLAINS, found)
    left, order = gravest(each for each in found if each.code not in explained), []
    while left:
        brought = _reached(BRINGS, left)
        at = next((at for at, each in enumerate(left) if each.code not in brought), 0)
        order.append(left.pop(at))
    return order


def _reached(table: Mapping[str, frozenset[str]], findings: Iterable[Finding]) -> frozenset[str]:
    return frozenset().union(*(table.get(each.code, frozenset()) for each in findings))
