"""How a run's diary begins: its circumstances, its plan, and what the lint finds."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from gansmith.apps import runs
from gansmith.apps.linting import of_run
from gansmith.apps.setting_up import Prepared
from gansmith.apps.showing_findings import one_liners
from gansmith.doctor import Finding, as_record
from gansmith.engine import machine, threads, versions
from gansmith.training import Log


def write_start(
    log: Log, ready: Prepared, folder: Path, say: Callable[[str], None] | None
) -> list[Finding]:
    """The run's circumstances in its diary; of a new run what the lint finds, said as well."""
    cfg, state = ready.cfg, ready.state
    if state.step or (folder / runs.LOG).stat().st_size:
        log.write("resume", step=state.step)
    log.write(
        "start",
        time=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=_command(sys.argv),
        machine=machine(),
        versions=versions(),
        device=str(ready.engine.device),
        precision=ready.engine.precision,
        threads=threads(),
        processes=ready.engine.processes,
        seed=cfg.seed,
        data=asdict(ready.data.info),
        parameters={
            name: sum(p.numel() for p in player.bare.parameters())
            for name, player in state.players.items()
        },
        reasons=[asdict(reason) for reason in ready.reasons],
    )
    why = f"{cfg.budget} at batch {cfg.batch}"
    log.write("plan", step=state.step, total_images=state.total_images, why=why)
    return _tell_findings(log, ready, folder, say)


def _tell_findings(
    log: Log, ready: Prepared, folder: Path, say: Callable[[str], None] | None
) -> list[Finding]:
    """What the lint finds in a new run: logged, said in one line each, and never in the way."""
    if ready.state.step:
        return []
    found = of_run(ready)
    for finding in found:
        log.write("finding", **as_record(finding))
    for line in one_liners(found, str(folder), ready.cfg.doctor.language):
        if say:
            say(line)
    return found


def _command(argv: list[str]) -> str:
    """The command line that began this run; empty where Python code did."""
    program = Path(argv[0])
    by_module = program.name == "__main__.py" and program.parent.name == "gansmith"
    return shlex.join(["gansmith", *argv[1:]]) if program.name == "gansmith" or by_module else ""
