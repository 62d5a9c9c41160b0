"""``MODEL_CARD.md``: what a trained generator is, for whoever is handed its folder."""

import math
import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from gansmith.reports import story
from gansmith.reports.html import environment
from gansmith.reports.log_reader import number
from gansmith.reports.run_folder import Run, mapping, read_run
from gansmith.reports.sheets import write_file
from gansmith.reports.words import count, duration, setting, some

# Settings that a reader of the card wants first; the rest is in config.yaml.
TELLING = (
    "recipe", "model.name", "model.width", "model.z_dim", "resolution", "loss", "penalty.gamma",
    "batch", "optim.lr", "augment.policy", "augment.flip", "precision", "seed",
)  # fmt: skip


def write_model_card(run_dir: Path) -> Path:
    """Make ``MODEL_CARD.md`` from what a run folder holds, and return its path.

    It opens with the metadata block that the Hugging Face hub reads. The licence is ``unknown``
    until its author says otherwise: a program cannot know what the data permit.

    Raises:
        UserError: if it is not a run folder, or cannot be written to.
    """
    path = run_dir / "MODEL_CARD.md"
    write_file(path, render(read_run(run_dir)).encode("utf-8"))
    return path


def render(run: Run) -> str:
    """The card's text."""
    env = environment()
    env.filters["md"] = plain
    env.filters["cell"] = cell
    views = story.score_views(run)
    points = run.noun == "point"
    command = story.command(run)
    log = run.log
    return env.get_template("model_card.md.j2").render(
        front_matter=_front_matter(run, points),
        name=run.name,
        summary=story.summary(run),
        status=story.status(run)[1],
        data=story.data_phrase(run),
        digest=str(run.data.get("digest") or ""),
        notes=[str(note) for note in story.listed(run.data.get("notes"))][:10],
        what="points in the plane" if points else "images",
        fills=story.fills(run),
        turns=story.turns(run),
        conditional=bool(run.settings.get("model.conditional")),
        sheet=f"samples/{run.sheets[-1].path.name}" if run.sheets else "",
        scores=views,
        bases=story.score_bases(views),
        settings=[(key, setting(run.settings[key])) for key in TELLING if key in run.settings],
        steps=some(log.reached("step"), "step") if log.steps else "",
        noun=run.noun,
        images=count(log.reached("images")),
        time=duration(log.reached("seconds")),
        device=story.device_phrase(run) or "a machine that the log does not describe",
        seed=log.start.get("seed", run.settings.get("seed", "unknown")),
        parameters=_parameters(run),
        versions=mapping(log.start.get("versions")),
        command=command,
        fence="`" * max(3, 1 + max((len(r) for r in re.findall("`+", command)), default=0)),
        loader=repr(f"{run.name}/generator"),  # a literal to paste, whatever the run's name
        folder=shlex.quote(run.name),
        saved=bool(run.generator),
    )


def _front_matter(run: Run, points: bool) -> str:
    tags = ["gan", "generative-adversarial-network", "gansmith"]
    head: dict[str, Any] = {"library_name": "gansmith", "license": "unknown"}
    if not points:
        fills, turns = story.fills(run), story.turns(run)
        given = fills or turns
        head["pipeline_tag"] = "image-to-image" if given else "unconditional-image-generation"
        what = "inpainting" if fills else "image-translation" if turns else "image-generation"
        tags.insert(0, what)
    if model := run.settings.get("model.name"):
        tags.append(str(model))
    return yaml.safe_dump(head | {"tags": tags}, sort_keys=False, allow_unicode=True).strip()


def _parameters(run: Run) -> str:
    table = mapping(run.log.start.get("parameters"))
    found = [(name, number(table.get(name))) for name in ("G", "D")]
    known = [f"{name}: {count(value)}" for name, value in found if math.isfinite(value)]
    return ", ".join(known)


def plain(text: object) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, one line."""
    line = " ".join(str(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", line)


def cell(text: object) -> str:
    """`plain`, with an empty cell shown as a dash."""
    return plain(text) or "–"
