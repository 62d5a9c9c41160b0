"""The rules of what shows while training: each a pure function of the looks so far.

A rule is silent where a sign that it needs is absent. Its thresholds were set on the runs that
``docs/doctor/signs.md`` lists; its docstring says why it looks at what it looks at, and who
described it.
"""

from gansmith.doctor.rules import balance, motion, samples, translations, variety
from gansmith.doctor.rules.contract import Rule

RULES: tuple[Rule, ...] = (
    *variety.RULES,
    *balance.RULES,
    *motion.RULES,
    *samples.RULES,
    *translations.RULES,
)

__all__ = ["RULES", "Rule"]
