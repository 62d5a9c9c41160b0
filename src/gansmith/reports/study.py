"""The report of a study: ``report.html``, ``table.md`` and ``study.json`` in its folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gansmith.reports.embed import data_uri
from gansmith.reports.html import environment
from gansmith.reports.sheets import first_rows, load_picture, plot_only, write_file
from gansmith.reports.study_answer import score_text, success_text
from gansmith.reports.study_charts import curves, dots
from gansmith.reports.words import MISSING, compact, duration, setting, significant, some

SHEETS_BYTES = 1_600_000  # of all arms' pictures together
SHEET_ROWS = 4
GROUPS = {
    "best": "best mean",
    "tied": "not told from the best",
    "worse": "worse than the best",
    "no claim": "no claim",
}
# What is shown of the vital signs: heading, key, whether it is a share, and what it means.
VITALS = (
    ("∇D first", "d_first", False, "gradient of D's first layer"),
    ("∇D last", "d_last", False, "gradient of D's last layer"),
    ("∇G first", "g_first", False, "gradient of G's first layer"),
    ("∇G last", "g_last", False, "gradient of G's last layer"),
    ("dead in D", "d_dead", True, "units of D through which no gradient passes"),
    ("dead in G", "g_dead", True, "units of G through which no gradient passes"),
    ("one-sided in D", "d_one_sided", True, "leaky units of D that are never on"),
    ("one-sided in G", "g_one_sided", True, "leaky units of G that are never on"),
    ("saturated in D", "d_saturated", True, "bounded units of D that are flat on the whole batch"),
    ("saturated in G", "g_saturated", True, "bounded units of G that are flat on the whole batch"),
    ("D's output", "d_output_saturated", True, "of D's final values, how many are saturated"),
)


def write_study_report(folder: Path, found: Mapping[str, Any]) -> Path:
    """Write the report of a study, finished or not, and return the page's path.

    Args:
        folder: the study's folder; its trials hold the sample sheets.
        found: see `gansmith.apps.study.results.collect`.

    Raises:
        UserError: if the folder cannot be written to.
    """
    content = json.dumps(found, indent=1, ensure_ascii=False, default=str).encode()
    write_file(folder / "study.json", content)
    write_file(folder / "table.md", markdown(found).encode())
    page = render(folder, found)
    write_file(folder / "report.html", page.encode())
    return folder / "report.html"


def shown_vitals(found: Mapping[str, Any]) -> list[tuple[str, str, bool, str]]:
    """The vital signs that any arm has; shares that are nowhere above zero are left out."""
    rows = [row["vitals"] for row in found["table"]]
    shown = []
    for vital in VITALS:
        values = [row[vital[1]] for row in rows if row.get(vital[1]) is not None]
        if values and (not vital[2] or max(values) > 0):
            shown.append(vital)
    return shown


def _vital(value: float | None, share: bool) -> str:
    if value is None:
        return MISSING
    return f"{value:.0%}" if share else significant(value, 2)


def _losses(row: Mapping[str, Any]) -> str:
    parts = [f"{row[key]} {key}" for key in ("stopped", "failed", "open") if row[key]]
    return ", ".join(parts)


def table(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows as texts, for the page and for Markdown alike."""
    vital = shown_vitals(found)
    return [
        {
            "label": row["label"],
            "group": row["group"].replace(" ", "-"),
            "claim": GROUPS[row["group"]],
            "score": score_text(row),
            "n": str(row["n"]),
            "success": success_text(row),
            "speed": compact(row["images_per_second"]) if row["images_per_second"] else MISSING,
            "images": compact(row["images"]),
            "lost": _losses(row),
            "vitals": [_vital(row["vitals"].get(key), share) for _, key, share, _ in vital],
            "settings": ", ".join(
                f"{key}={setting(value)}" for key, value in row["settings"].items()
            )
            or "as they are",
        }
        for row in found["table"]
    ]


def markdown(found: Mapping[str, Any]) -> str:
    """Question, answer and table for a document."""
    vital = shown_vitals(found)
    plain = "**{}** {}\n\n{}\n\n"
    heads = ["arm", f"{found['metric']} [95 %]", "n", "success", "images/s", "images", "claim"]
    heads += [name for name, *_ in vital] + ["not trained to the end"]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for row in table(found):
        cells = [row["label"], row["score"], row["n"], row["success"], row["speed"]]
        cells += [row["images"], row["claim"], *row["vitals"], row["lost"] or MISSING]
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    text = plain.format("Question:", found["question"], f"**Answer:** {found['answer']}")
    return text + "\n".join(lines) + f"\n\n{how(found)}\n"


def how(found: Mapping[str, Any]) -> str:
    """How it was measured, in a sentence or three."""
    many = "points" if found["kind"] == "points" else "images"
    scale = " (their geometric mean)" if found["log_scale"] else ""
    metric, seeds = found["metric"], len(found["seeds"])
    return (
        f"{found['data']}, recipe {found['recipe']}; {some(seeds, 'seed')}; every trial had "
        f"{duration(found['share_seconds'])} of training on one core, turned into {many} by the "
        f"pace of each arm when the study began. The score is {metric} "
        f"({found['better']} is better), averaged over seeds{scale} with Student's 95 % interval; "
        "claims are Welch tests of every pair, corrected after Holm. Success: trained to the end "
        "with every class or mode found (where classes are not known: coverage of 0.3 or more), "
        "with Wilson's interval."
    )


def render(folder: Path, found: Mapping[str, Any]) -> str:
    """The page's text; it loads nothing."""
    template = environment().get_template("study.html.j2")
    rows = table(found)
    return template.render(
        found=found,
        rows=rows,
        vitals=shown_vitals(found),
        dots=dots(found),
        curves=curves(found),
        sheets=_sheets(folder, found),
        lost=_lost(found),
        how=how(found),
        base=[(key, setting(value)) for key, value in found["base"].items()],
        pairs=[
            (f"{pair['one']} and {pair['other']}", significant(pair["p"], 2), pair["p"] < 0.05)
            for pair in sorted(found["pairs"], key=lambda pair: pair["p"])
        ],
        tiles=_tiles(found),
        machine=[(str(key), str(value)) for key, value in found["machine"].items()],
        versions=found["versions"],
    )


def _tiles(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    trials = [trial for row in found["table"] for trial in row["trials"]]
    done = sum(trial["state"] == "done" for trial in trials)
    detail = ", ".join(
        f"{count} {state}"
        for state in ("stopped", "failed", "open", "waiting")
        if (count := sum(trial["state"] == state for trial in trials))
    )
    return [
        ("Arms", str(len(found["table"])), some(len(found["seeds"]), "seed") + " each"),
        ("Trials to the end", str(done), detail or "all of them"),
        ("Training", duration(found["share_seconds"]), "each, on one core"),
        ("Score", found["metric"], f"{found['better']} is better"),
        ("Budget", duration(found["budget_seconds"]), "for all of it"),
    ]


def _lost(found: Mapping[str, Any]) -> list[tuple[str, int, str, str]]:
    """Trials that were stopped or failed: arm, seed, state, why."""
    return [
        (row["label"], trial["seed"], trial["state"], trial["why"])
        for row in found["table"]
        for trial in row["trials"]
        if trial["state"] in ("stopped", "failed")
    ]


def _sheets(folder: Path, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The last sheet of each arm's median seed."""
    shown = []
    for row in found["table"]:
        trial = next((t for t in row["trials"] if t["seed"] == row["median_seed"]), None)
        files = sorted((folder / trial["run"] / "samples").glob("step-*.png")) if trial else []
        picture = load_picture(files[-1]) if files else None
        if picture is None:
            continue
        points = found["kind"] == "points"
        cut = plot_only(picture) if points else first_rows(picture, SHEET_ROWS)
        uri = data_uri(cut, SHEETS_BYTES // len(found["table"]))
        shown.append(
            {
                "uri": uri,
                "width": cut.width,
                "height": cut.height,
                "label": row["label"],
                "detail": f"seed {row['median_seed']}, {found['metric']} "
                f"{significant(trial['score']) if trial else MISSING}",
            }
        )
    return shown
