"""The report's section on the doctor, from the log alone: verdicts, findings and their signs."""

from dataclasses import dataclass, field

import numpy as np

from gansmith.reports.log_reader import Event, Log, column, number
from gansmith.reports.plots import Chart, Panel, chart
from gansmith.reports.run_folder import Run, mapping
from gansmith.reports.story import listed
from gansmith.reports.words import count, setting, significant, some

HEALTHY = "healthy"
MOST = 40  # changes of the verdict, and findings, that are shown

PANELS = (
    Panel(
        "variety", "Variety of the samples", "share of real",
        "1 is as varied as the data. A fall of all three lines is a collapse.",
        (("diversity", "diversity"), ("coverage", "coverage"), ("modes", "modes drawn")),
        from_zero=True,
    ),
    Panel(
        "accuracy", "How often D is right", "share",
        "Of pairs, of training samples, of held-out samples. 1/2 is a guess. Where held-out "
        "samples fall behind, D knows the training samples by heart.",
        (("acc_pairs", "pairs"), ("acc_real", "real"), ("acc_held", "held-out")), from_zero=True,
    ),
    Panel(
        "pull", "What reaches G", "‖∂L/∂G(z)‖ per sample",
        "The gradient that G gets at its samples, and the slope of D there.",
        (("grad_at_output", "G’s loss"), ("slope_fake", "D")), from_zero=True, may_log=True,
    ),
    Panel(
        "steps", "Length of the steps", "of the weights",
        "How far one step moves a net, of the length of its weights.",
        (("update_D", "D"), ("update_G", "G")), from_zero=True, may_log=True,
    ),
    Panel(
        "units", "Dead and saturated units", "share",
        "Hidden units that no gradient passes.",
        (("dead_D", "D, dead"), ("dead_G", "G, dead"), ("saturated_D", "D, saturated")),
        from_zero=True,
    ),
    Panel(
        "moves", "Movement of the samples", "of their spread",
        "How far the samples of the same noise went between two looks.",
        (("moved", "moved"),), from_zero=True,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A finding as the page tells it."""

    code: str
    name: str
    severity: str
    when: str
    evidence: str
    cause: str
    mend: str
    stands: bool


@dataclass(frozen=True)
class Repair:
    """One line of the table of repairs."""

    step: str
    code: str
    state: str
    act: str
    controls: str
    sign: str
    why: str


@dataclass(frozen=True)
class Doctor:
    """The section: empty where the run was not watched."""

    verdict: str = ""
    healthy: bool = True
    changes: list[tuple[str, str]] = field(default_factory=list)  # step, verdict
    findings: list[Told] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    looks: str = ""


def doctor(run: Run) -> Doctor | None:
    """What the section holds; None where nothing was looked at."""
    log = run.log
    if not log.signs and not log.findings and not log.repairs:
        return None
    language = str(run.settings.get("doctor.language") or "en")
    told = [each for each in (*log.signs, *log.findings) if "verdict" in each]
    events = sorted(told, key=lambda each: number(each.get("step")))
    verdicts = [(int(each["step"]), str(each["verdict"])) for each in events]
    changes = [
        (count(step), verdict)
        for at, (step, verdict) in enumerate(verdicts)
        if not at or verdicts[at - 1][1] != verdict
    ]
    last = verdicts[-1][1] if verdicts else ""
    return Doctor(
        verdict=last,
        healthy=last == HEALTHY,
        changes=changes[-MOST:],
        findings=_findings(log.findings, language)[-MOST:],
        repairs=[_repair(event, language) for event in log.repairs[-MOST:]],
        charts=_charts(log, run.noun),
        looks=some(len(log.signs), "look"),
    )


def _findings(events: list[Event], language: str) -> list[Told]:
    """Each finding once for each time that it came, with when it went."""
    found = []
    for at, event in enumerate(events):
        if event["kind"] != "finding":
            continue
        code, came = event.get("code"), number(event.get("step"))
        later = [each for each in events[at + 1 :] if each.get("code") == code]
        if later and later[0]["kind"] == "finding":
            continue  # told again, about another place: the later one says it
        gone = next((number(each.get("step")) for each in later), None)
        tongues = mapping(event.get("told"))
        said = mapping(tongues.get(language) or tongues.get("en"))
        found.append(
            Told(
                code=str(code),
                name=str(event.get("name") or ""),
                severity=str(event.get("severity") or ""),
                when=_when(came, gone),
                evidence=str(said.get("evidence") or ""),
                cause=str(said.get("cause") or ""),
                mend=str(said.get("mend") or ""),
                stands=gone is None,
            )
        )
    return found


def _repair(event: Event, language: str) -> Repair:
    """What was tried, on which controls, and what the sign was before and after."""
    tongues = mapping(event.get("told"))
    words = event | mapping(tongues.get(language) or tongues.get("en"))
    pairs = [(name, listed(value)) for name, value in mapping(event.get("changes")).items()]
    controls = [f"{name} {setting(pair[0])} → {setting(pair[1])}" for name, pair in pairs if pair]
    values = [event.get("before"), event.get("after")]
    said = " → ".join(significant(number(value)) for value in values if value is not None)
    return Repair(
        step=count(number(event.get("step"))),
        code=str(event.get("code", "")),
        state=str(words.get("state", "")),
        act=str(words.get("act", "")),
        controls=", ".join(controls),
        sign=f"{words.get('sign', '')} {said}" if said else "",
        why=str(words.get("why", "")),
    )


def _when(came: float, gone: float | None) -> str:
    if came != came:
        return "before the first step"
    return f"step {count(came)}" + (f" to {count(gone)}" if gone is not None else " on")


def _charts(log: Log, noun: str) -> list[Chart]:
    """Every panel of which two looks hold a sign."""
    x = np.array([log.images_at(int(each["step"])) for each in log.signs]) / 1000
    if np.isfinite(x).sum() < 2:
        return []
    drawn = []
    for panel in PANELS:
        columns = [(name, column(log.signs, key)) for key, name in panel.series]
        columns = [(name, y) for name, y in columns if np.isfinite(y).sum() >= 2]
        if columns:
            drawn.append(chart(panel, x, columns, noun))
    return drawn
