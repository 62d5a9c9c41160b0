"""``report.html``: one self-contained page on a run, for a person who wants to look at it."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from gansmith.reports import plots, story
from gansmith.reports.doctor import doctor
from gansmith.reports.embed import data_uri
from gansmith.reports.log_reader import number
from gansmith.reports.run_folder import GALLERIES, Run, Sheet, mapping, read_run
from gansmith.reports.score_charts import score_charts
from gansmith.reports.sheets import first_rows, load_picture, plot_only, spread, write_file
from gansmith.reports.words import compact, count, setting, significant, some

# Bytes of picture files; as text in the page they weigh a third more. Together they leave the
# page below 5 MB whatever the samples look like.
FINAL_BYTES = 900_000
FRAMES, FRAMES_BYTES = 24, 1_900_000
FILM, FILM_BYTES = 8, 400_000
GALLERY_BYTES = 250_000
NOTES = 30
CONFIG_CHARACTERS = 60_000


@dataclass(frozen=True)
class Frame:
    """A sample sheet in the page."""

    uri: str
    label: str
    width: int
    height: int


def write_report(run_dir: Path) -> Path:
    """Make ``report.html`` from what a run folder holds, and return its path.

    Args:
        run_dir: a run folder, finished, still running or killed; whatever it lacks (scores, steps,
            sheets) the page says so in a plain sentence.

    Raises:
        UserError: if it is not a run folder, or cannot be written to.
    """
    path = run_dir / "report.html"
    write_file(path, render(read_run(run_dir)).encode("utf-8"))
    return path


def render(run: Run) -> str:
    """The page's text. It loads nothing: styles, script and pictures are inside."""
    template = environment().get_template("report.html.j2")
    return template.render(**_context(run))


@functools.cache  # templates are compiled once in a process: a fifth of the time of a short run
def environment() -> jinja2.Environment:
    """Templates of this room; everything that comes from a run is escaped in HTML."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=lambda name: name is None or ".html" in name or ".svg" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _context(run: Run) -> dict[str, Any]:
    frames = _frames(run)
    views = story.score_views(run)
    rows = story.setting_rows(run)
    charts = [*score_charts(run.log, run.noun), *plots.charts(run.log, run.noun)]
    seen = doctor(run)
    kind, status = story.status(run)
    notes = [str(note) for note in story.listed(run.data.get("notes"))]
    return {
        "name": run.name,
        "noun": run.noun,
        "when": story.when(run),
        "summary": story.summary(run),
        "status_kind": kind,
        "status": status,
        "tiles": story.tiles(run),
        "fills": story.fills(run),
        "turns": story.turns(run),
        "paired": run.settings.get("task") == "translation",
        "final": frames[-1] if frames else None,
        "frames": [{"uri": one.uri, "label": one.label} for one in frames[:-1]],
        "film": _film(run),
        "scores": views,
        "bases": story.score_bases(views),
        "no_fid": {view.key for view in views} >= {"fd"} and "fid" not in run.scores,
        "galleries": _galleries(run),
        "charts": charts,
        "doctor": seen,
        "per_point": plots.per_point(len(run.log.steps)),
        "chart_data": {
            chart.key: {
                "x": chart.xs,
                "px": chart.places,
                "unit": chart.x_unit.removesuffix(" seen"),
                "series": [{"name": line.name, "y": line.values} for line in chart.lines],
            }
            for chart in [*charts, *(seen.charts if seen else [])]
        },
        "decided": [row for row in rows if row.origin == "decided"],
        "others": (others := [row for row in rows if row.origin != "decided"]),
        "other_settings": some(
            len(others), "other setting" if len(others) < len(rows) else "setting"
        ),
        "advice": [_advice(event) for event in run.log.advice[-NOTES:]],
        "plan": story.plan(run),
        "data": _data(run),
        "notes": notes[:NOTES],
        "more_notes": max(0, len(notes) - NOTES),
        "machine": _machine(run),
        "described": bool(run.log.start.get("machine")),
        "versions": mapping(run.log.start.get("versions")),
        "command": story.command(run),
        "config": run.config_text[:CONFIG_CHARACTERS],
        "skipped": some(run.log.skipped, "line") if run.log.skipped else "",
        "frame": plots,
    }


def _galleries(run: Run) -> list[dict[str, Any]]:
    """The pictures that were drawn with the scores of this very generator."""
    found = []
    for name, caption in GALLERIES.items() if run.scores else ():
        picture = load_picture(run.folder / "gallery" / f"{name}.png")
        if picture is not None:
            uri = data_uri(picture, GALLERY_BYTES)
            found.append(
                {"uri": uri, "caption": caption, "width": picture.width, "height": picture.height}
            )
    return found


def _moment(sheet: Sheet, noun: str) -> str:
    """When a sheet was made: by images seen if that is known, else by the step."""
    if sheet.images != sheet.images:
        return f"step {count(sheet.step)}"
    return some(sheet.images, noun) if sheet.images < 10_000 else f"{compact(sheet.images)} {noun}s"


def _frames(run: Run) -> list[Frame]:
    """Up to 24 sheets evenly over time, the last one at full quality."""
    readable = [(one, load_picture(one.path)) for one in _spread(run.sheets, FRAMES)]
    pictures = [(one, picture) for one, picture in readable if picture is not None]
    frames = []
    for index, (one, picture) in enumerate(pictures):
        final = index == len(pictures) - 1
        budget = FINAL_BYTES if final else FRAMES_BYTES // (len(pictures) - 1)
        label = f"step {count(one.step)}"
        if one.images == one.images:
            label += f" · {_moment(one, run.noun)} seen"
        frames.append(Frame(data_uri(picture, budget), label, picture.width, picture.height))
    return frames


def _film(run: Run) -> list[Frame]:
    """The first row of up to eight sheets: the same noise, again and again, as G learns."""
    frames = []
    count = len(run.sheets)
    if count < 2:
        return []
    # A number of rows that makes equal steps in time, when there is one.
    even = (rows for rows in (FILM, FILM - 1) if (count - 1) % (rows - 1) == 0)
    sheets = _spread(run.sheets, next(even, FILM))
    for one in sheets:
        picture = load_picture(one.path)
        if picture is not None:
            row = plot_only(picture) if run.noun == "point" else first_rows(picture)
            uri = data_uri(row, FILM_BYTES // len(sheets))
            frames.append(Frame(uri, _moment(one, run.noun), row.width, row.height))
    return frames


def _spread(sheets: tuple[Sheet, ...], most: int) -> list[Sheet]:
    return [sheets[index] for index in spread(len(sheets), most)]


def _advice(event: dict[str, Any]) -> dict[str, str]:
    return {
        "step": count(number(event.get("step"))),
        "control": str(event.get("control", "")),
        "old": setting(event.get("old")),
        "new": setting(event.get("new")),
        "why": str(event.get("why", "")),
    }


def _data(run: Run) -> list[tuple[str, str]]:
    """What is known of the data, as label and value."""
    data = run.data
    if not data:
        return []
    pairs = [("Source", str(data.get("source", "")))]
    if (total := number(data.get("count"))) == total:
        pairs.append(("Samples", count(total)))
    shape = story.listed(data.get("shape"))
    if len(shape) == 3:
        channels, given = some(shape[0], "channel"), data.get("given")
        if isinstance(given, int) and given:  # two pictures
            channels = f"{given} + {shape[0] - given} channels"
        pairs.append(("Shape", f"{channels}, {shape[2]}×{shape[1]} px"))
    if names := [str(one) for one in story.listed(data.get("classes"))]:
        more = ", …" if len(names) > 20 else ""
        pairs.append(("Classes", f"{len(names)}: {', '.join(names[:20])}{more}"))
    if data.get("digest"):
        pairs.append(("Digest", str(data["digest"])))
    return pairs


def _machine(run: Run) -> list[tuple[str, str]]:
    """The machine, the seed and how the run used them, as label and value."""
    start = run.log.start
    machine = mapping(start.get("machine"))
    pairs = [
        ("Processor", machine.get("cpu")),
        ("Cores", machine.get("cores")),
        ("Memory", _gigabytes(machine.get("memory_gb"))),
        ("Accelerator", machine.get("accelerator") or ("none" if machine else None)),
        ("System", machine.get("system")),
        ("Device", start.get("device")),
        ("Precision", start.get("precision")),
        ("Threads", start.get("threads")),
        ("Seed", start.get("seed", run.settings.get("seed"))),
    ]
    return [(label, str(value)) for label, value in pairs if value not in (None, "")]


def _gigabytes(value: Any) -> str | None:
    return f"{significant(number(value))} GB" if number(value) > 0 else None
