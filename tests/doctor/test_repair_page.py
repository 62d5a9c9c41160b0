"""docs/doctor/repair.md is the table of the ladders in words, and no more."""

from pathlib import Path

from gansmith.doctor.catalogue import DYNAMICS
from gansmith.doctor.ladder import LADDERS
from gansmith.doctor.remarks import asked, done

PAGE = Path(__file__).resolve().parents[2] / "docs" / "doctor" / "repair.md"


WIRING_NAME = "not-finite"  # GS118


def table() -> str:
    rows = [
        "| finding | kept if better by | tried, in this order | source |",
        "| --- | --- | --- | --- |",
    ]
    for code, ladder in LADDERS.items():
        name = f"{code} {DYNAMICS[code].name if code in DYNAMICS else WIRING_NAME}"
        for number, rung in enumerate(ladder.rungs + ladder.last, 1):
            first = (name, asked(ladder.gauge)) if number == 1 else ("", "")
            last = " (last resort)" if number > len(ladder.rungs) else ""
            rows.append(
                f"| {first[0]} | {first[1]} | {number}. {done(rung)}{last} | {rung.source} |"
            )
    return "\n".join(rows)


def test_the_page_holds_the_table() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")


if __name__ == "__main__":
    print(table())
