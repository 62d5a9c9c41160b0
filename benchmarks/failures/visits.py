"""The doctor's visits: a case is run as a user would run it, and what was said is noted."""

import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from failures.cases import HERE, Case, made_data

SCORED = 2000  # samples
Record = dict[str, Any]


def visit(case: Case, work: Path, repair: str = "advise") -> Record:
    """What was found, when, and, of a run that is to be mended, how good it became."""
    begun = time.perf_counter()
    try:
        ours = {"settings": _settings, "runs": _run, "translators": _run}
        look = ours.get(case.kind, _loop)
        seen = look(case, work, repair)
    except Exception as error:  # a visit that fails is a result, and no reason to stop the others
        seen = {"found": [], "alarms": [], "failed": f"{type(error).__name__}: {error}"[:300]}
    said = [code for code, _ in seen["found"]]
    first = next((code for code, grade in seen["found"] if grade != "advice"), "healthy")
    return {
        "name": f"{case.name}-{repair}",
        **{key: getattr(case, key) for key in ("fault", "kind", "size", "seed", "half")},
        "repair": repair,
        "first": first,
        "said": said,
        **{key: value for key, value in seen.items() if key != "found"},
        "wall": round(time.perf_counter() - begun, 1),
    }


def _changes(case: Case) -> dict[str, Any]:
    return {"threads": 1, "seed": case.seed, **case.job.get("set", {})}


def _settings(case: Case, work: Path, repair: str) -> Record:
    """As ``gansmith doctor settings.yaml``; a refusal is told by its code too."""
    del repair
    from gansmith.apps.linting import of_settings
    from gansmith.apps.settling import settings

    changes = {**_changes(case), "budget": f"{case.job['steps']}-steps"}
    source = made_data(case.job["data"], work / "data")
    found = of_settings(settings(source, case.job["recipe"], changes))
    known = any(each.code in case.codes for each in found)
    return {
        "found": [(each.code, each.severity) for each in found],
        "alarms": [],
        "seen_at": 0 if known else None,
    }


def _run(case: Case, work: Path, repair: str) -> Record:
    """As ``gansmith train`` and, of what it left, ``gansmith doctor RUN``."""
    from gansmith.apps.diagnosing import diagnose
    from gansmith.apps.train import train
    from gansmith.errors import UserError
    from gansmith.reports.log_reader import read_log

    folder = work / "runs" / f"{case.name}-{repair}"
    ended = "budget"
    try:
        train(
            made_data(case.job["data"], work / "data"),
            recipe=case.job["recipe"],
            budget=f"{case.job['steps']}-steps",
            out=folder,
            changes={**_changes(case), "doctor.repair": repair},
            overwrite=True,
            score=False,
        )
    except UserError as error:
        ended = str(error)[:200]
    found = diagnose(str(folder)).findings
    log = read_log(folder / "log.jsonl")
    alarms = [(e["step"], e["code"], e["severity"]) for e in log.findings if e["kind"] == "finding"]
    verdicts = [(e["step"], str(e["verdict"]).split()[0]) for e in log.signs]
    verdicts += [(step or 0, code) for step, code, grade in alarms if grade != "advice"]
    seen_at = [step for step, code in sorted(verdicts) if code in case.codes]
    score = _score(folder) if case.repairable else None
    for heavy in ("checkpoints", "samples", "generator"):
        shutil.rmtree(folder / heavy, ignore_errors=True)
    return {
        "found": [(each.code, each.severity) for each in found],
        "alarms": alarms,
        "seen_at": seen_at[0] if seen_at else None,
        "ended": ended,
        "score": score,
    }


def _score(folder: Path) -> float | None:
    """The Fréchet distance of images; of points 1 less the share of good ones. Less is better."""
    from gansmith.apps.evaluate import evaluate
    from gansmith.apps.scoring import ScoreOptions
    from gansmith.errors import UserError

    try:
        card = evaluate(folder, options=ScoreOptions(count=SCORED))
    except UserError:
        return None
    if "fd" in card.scores:
        return card.scores["fd"].value
    modes = card.scores["modes"].value
    return 1.0 - card.scores["high_quality"].value * min(modes / 8.0, 1.0)


def _loop(case: Case, work: Path, repair: str) -> Record:
    """As ``gansmith doctor program.py -- ARGS``, on a program that does not know of us."""
    del work, repair
    from gansmith.apps.diagnosing import diagnose

    program = str(HERE / case.job["program"])
    found = diagnose(program, steps=case.job["steps"], args=list(case.job["args"])).findings
    at = [each.step or 0 for each in found if each.code in case.codes]
    return {
        "found": [(each.code, each.severity) for each in found],
        "alarms": [(each.step, each.code, each.severity) for each in found],
        "seen_at": min(at) if at else None,
    }


def records(journal: Path) -> dict[str, Record]:
    """What earlier calls wrote, by name; a line cut short by a kill is left out."""
    known = {}
    if journal.exists():
        for line in journal.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            known[record["name"]] = record
    return known


def run_all(jobs: list[tuple[Case, str]], work: Path, workers: int) -> Iterator[Record]:
    """Each visit as it ends, written into the journal; those that it has are not made again."""
    journal = work / "journal.jsonl"
    work.mkdir(parents=True, exist_ok=True)
    known = records(journal)
    jobs = [job for job in jobs if f"{job[0].name}-{job[1]}" not in known]
    with (
        journal.open("a", encoding="utf-8") as file,
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        waiting = [pool.submit(visit, case, work, repair) for case, repair in jobs]
        for done in as_completed(waiting):
            record = done.result()
            file.write(json.dumps(_plain(record)) + "\n")
            file.flush()
            yield record


def _plain(record: Mapping[str, Any]) -> Record:
    """Numbers that JSON has no name for become null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
