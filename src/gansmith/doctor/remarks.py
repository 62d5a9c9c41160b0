"""The words of a repair, in every language: what is done, with what outcome, and why.

They stand in ``assets/doctor/*/repair.yaml``. The log keeps them in all languages, as it does those
of findings, so that nobody who reads it needs the ladders.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from gansmith.doctor.findings import LANGUAGES, own_yaml
from gansmith.doctor.ladder import Change, Gauge, Rung, factor

PROSE = ": "  # parts a source from what is said of it, in English


@functools.cache
def words(language: str) -> dict[str, Any]:
    """The tables of ``repair.yaml`` in one of `LANGUAGES`."""
    return own_yaml(resources.files("gansmith") / "assets" / "doctor" / language / "repair.yaml")


Told = str | float | int | None


@dataclass(frozen=True)
class Remark:
    """Why something is done: an entry of ``reasons``, and what it quotes.

    Attributes:
        key: in ``reasons``.
        values: by name. ``source`` is cited, ``sign`` is a reading's name, ``before`` and ``after``
            are readings, of which None is unknown.
        gauge: quoted as ``gauge``.
        why: another remark, quoted as ``why``.
    """

    key: str
    values: Mapping[str, Told] = field(default_factory=dict)
    gauge: Gauge | None = None
    why: "Remark | None" = None

    def told(self, language: str = "en") -> str:
        """The sentence."""
        known, quoted = words(language), {**self.values}
        for name in ("before", "after"):
            if name in quoted:
                value = quoted[name]
                quoted[name] = known["unknown"] if value is None else f"{value:.3g}"
        if "sign" in quoted:
            quoted["sign"] = reading(str(quoted["sign"]), language)
        if "source" in quoted:
            quoted["source"] = cited(str(quoted["source"]), language)
        if self.gauge is not None:
            quoted["gauge"] = asked(self.gauge, language)
        if self.why is not None:
            quoted["why"] = self.why.told(language)
        return str(known["reasons"][self.key].format(**quoted))


def cited(source: str, language: str) -> str:
    """A source; what is said of it in English is left out in other languages."""
    return source if language == "en" else source.partition(PROSE)[0].partition(" (k steps")[0]


def reading(name: str, language: str) -> str:
    """What is read from several signs has a name in each language; a sign's is the same in all."""
    return str(words(language)["readings"].get(name, name))


def asked(gauge: Gauge, language: str = "en") -> str:
    """By how much a sign must be better, such as ``acc_pairs −0.05``."""
    return f"{reading(gauge.reading, language)} {gauge.amount}"


def done(rung: Rung | None, language: str = "en") -> str:
    """What a rung does; nothing where there is none."""
    if rung is None:
        return ""
    known = words(language)
    acts = known["acts"]
    if rung.told:
        return str(acts["another"].format(told=rung.told))
    parts = [acts[act] for act in ("back", "usual", "revive", "adaptive") if getattr(rung, act)]
    return str(acts["joint"].join(parts + [_change(each, known) for each in rung.changes]))


def _change(change: Change, known: Mapping[str, Any]) -> str:
    plain = change.how == "plus" or change.control == "sigma"
    amount = f"{change.amount:g}" if plain else factor(change.amount)
    template: str = known["changes"][change.how]
    return template.format(control=known["controls"][change.control], amount=amount)


def remarked(state: str, rung: Rung | None, why: Remark, sign: str) -> dict[str, dict[str, str]]:
    """What a record of kind ``repair`` tells, by language."""
    return {
        language: {
            "state": words(language)["states"][state],
            "act": done(rung, language),
            "why": why.told(language),
            "sign": reading(sign, language),
        }
        for language in LANGUAGES
    }
