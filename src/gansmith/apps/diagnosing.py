"""The doctor's visit: findings of settings, of a recipe, of a run, or of somebody's program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gansmith.apps import runs
from gansmith.apps.linting import of_settings
from gansmith.apps.settling import settings
from gansmith.config import Config, build, merge, to_tree
from gansmith.doctor import CATALOGUE, Finding, told
from gansmith.doctor.findings import texts
from gansmith.doctor.lint import LINT, UNSOUND
from gansmith.doctor.precedence import ordered
from gansmith.doctor.script import examine
from gansmith.errors import UserError, nearest
from gansmith.recipes import RECIPES
from gansmith.reports.log_reader import Event, Log, read_log

Progress = Callable[[str, int, int], None]
SETTINGS_FILES = (".yaml", ".yml")
SCRIPT_STEPS = 200


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found.

    Attributes:
        target: as the user named it.
        findings: the gravest first.
    """

    target: str
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether there is nothing but advice."""
        return all(finding.severity == "advice" for finding in self.findings)

    def as_json(self, language: str = "en") -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "healthy": self.healthy,
            "findings": [told(finding, language) for finding in self.findings],
        }


def diagnose(
    target: str,
    *,
    data: str | None = None,
    language: str = "en",
    steps: int = SCRIPT_STEPS,
    args: Sequence[str] = (),
    progress: Progress | None = None,
) -> Diagnosis:
    """Findings of a settings file, a recipe, a run folder or a program that trains a GAN.

    Args:
        target: a ``.yaml`` file, the name of a recipe, the folder of a run, or a ``.py`` file.
        data: other data than those that the settings name.
        language: of what is said on the way.
        steps: of its game after which a program is stopped.
        args: a program's own arguments.

    Raises:
        UserError: if the target is none of these, its settings or data cannot be read, or there is
            no GAN in the program.
    """
    texts(language)  # refuses a language that there is no text in
    path = Path(target)
    if path.suffix.lower() == ".py":
        return Diagnosis(target, tuple(examine(path, args, steps, language)))
    if args:
        raise UserError(f"{target}: arguments after -- are of a script (.py): leave them out")
    if path.is_dir() and (runs.is_run(path) or target not in RECIPES):
        return _of_run(target, path, data, progress)
    if path.suffix.lower() in SETTINGS_FILES:
        return Diagnosis(target, tuple(of_settings(settings(data, file=path), progress)))
    if target in RECIPES:
        return Diagnosis(target, tuple(of_settings(settings(data, target), progress)))
    what = "neither settings (.yaml), a recipe, a run nor a script (.py)"
    raise UserError(f"{target}: this is {what}{nearest(target, RECIPES)}")


def _of_run(target: str, folder: Path, data: str | None, progress: Progress | None) -> Diagnosis:
    cfg: Config = runs.read_settings(folder)
    if data is not None:
        cfg = build(merge(to_tree(cfg), {"data": {"source": data}}))
    log = read_log(folder / runs.LOG)
    found = of_settings(cfg, progress, _planned(log)) + logged(log)
    return Diagnosis(target, tuple(ordered(found)))


def _planned(log: Log) -> int | None:
    """The images that a run's budget came to, by its latest plan."""
    total = log.plans[-1].get("total_images") if log.plans else None
    return total if isinstance(total, int) and total > 0 else None


def logged(log: Log) -> list[Finding]:
    """What a run's log says was found while it trained: the last word on each code and place.

    The lint's own are left out, since it looks again; so are codes that are not known, of another
    version, and what healed. What a resume took back is not in the log as it is read.
    """
    last: dict[tuple[str, str], Finding] = {}
    for event in log.findings:
        if event["kind"] == "healed":
            last = {key: each for key, each in last.items() if key[0] != event.get("code")}
        finding = _read(event) if event["kind"] == "finding" else None
        if finding and finding.code not in {*LINT, *UNSOUND}:
            last[finding.code, finding.where] = finding
    return list(last.values())


def _read(event: Event) -> Finding | None:
    """The finding of a log's record; None where it is not one that can be told."""
    step, where, values = event.get("step"), event.get("where"), event.get("values")
    certainty, code = event.get("certainty"), event.get("code")
    if not isinstance(code, str) or code not in CATALOGUE or not isinstance(values, dict):
        return None
    finding = Finding(
        code=code,
        values={key: _number(value) for key, value in values.items()},
        step=step if isinstance(step, int) else None,
        where=where if isinstance(where, str) else "",
        certainty=certainty if isinstance(certainty, float | int) else 1.0,
    )
    try:
        told(finding)
    except (KeyError, ValueError, TypeError):  # the values are not those that the text quotes
        return None
    return finding


def _number(value: Any) -> Any:
    """A value as it was: the log writes what is not finite by its name."""
    return float(value) if value in ("nan", "inf", "-inf") else value
