#!/usr/bin/env python3
"""Take a picture of a page with headless Chromium.

    python scripts/screenshot.py runs/demo/report.html out.png --width 1200 --height 4000 --dark

Chromium's window is never narrower than about 500 pixels, so a page is shown in a frame of the
width that was asked for, inside a window that is wide enough.
"""

import argparse
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDEST_MINIMUM = 600  # pixels: some more than the narrowest window that Chromium makes


def find_browser() -> str | None:
    """The path of a Chromium on this machine, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def chromium(page: Path, window: tuple[int, int], dark: bool, *actions: str) -> str:
    """Open a file in a fresh, offline profile; return what Chromium prints.

    Raises:
        RuntimeError: if there is no Chromium, or it fails or takes more than two minutes.
    """
    browser = find_browser()
    if browser is None:
        raise RuntimeError(f"no Chromium found (looked for {', '.join(NAMES)})")
    with tempfile.TemporaryDirectory(prefix="gansmith-chromium-") as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={profile}", "--hide-scrollbars",
            "--allow-file-access-from-files", "--force-color-profile=srgb",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            f"--window-size={window[0]},{window[1]}", "--virtual-time-budget=3000",
            *actions, page.resolve().as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{browser} did not finish {page} within two minutes") from None
    if done.returncode:
        raise RuntimeError(f"{browser} failed on {page}: {done.stderr.strip()[-500:]}")
    return done.stdout


def screenshot(
    page: Path, out: Path, width: int = 1200, height: int = 4000, dark: bool = False
) -> Image.Image:
    """Write a PNG of a page as a window of that width shows it, cut where the page ends."""
    with tempfile.TemporaryDirectory(prefix="gansmith-page-") as folder:
        framed = Path(folder) / "framed.html"
        framed.write_text(_frame(page, width, height), encoding="utf-8")
        window = (max(width, WIDEST_MINIMUM), height + 200)
        shot = Path(folder) / "shot.png"
        chromium(framed, window, dark, f"--screenshot={shot}")
        with Image.open(shot) as picture:
            cut = _without_tail(picture.convert("RGB").crop((0, 0, width, height)))
    cut.save(out)
    return cut


def _frame(page: Path, width: int, height: int) -> str:
    address = html.escape(page.resolve().as_uri())
    return (
        '<!doctype html><meta name="color-scheme" content="light dark"><body style="margin:0">'
        f'<iframe id="page" src="{address}" style="border:0;width:{width}px;height:{height}px">'
        "</iframe>"
    )


def _without_tail(picture: Image.Image) -> Image.Image:
    """Cut off the rows at the bottom that are all of the last row's colour."""
    corner = picture.getpixel((0, picture.height - 1))
    plain = Image.new("RGB", picture.size, corner)
    box = ImageChops.difference(picture, plain).getbbox()
    return picture.crop((0, 0, picture.width, min(picture.height, (box[3] if box else 0) + 24)))


def evaluate(page: Path, width: int, expression: str) -> Any:
    """The value of a JavaScript expression on a page, in which ``page`` is its document.

    Args:
        page: the file to open.
        width: of its window, in CSS pixels.
        expression: its value must be what JSON can hold.

    Raises:
        RuntimeError: as `chromium`, or if the expression fails.
    """
    with tempfile.TemporaryDirectory(prefix="gansmith-page-") as folder:
        framed = Path(folder) / "framed.html"
        script = (
            "<script>onload=function(){var page=document.getElementById('page').contentDocument;"
            f"document.body.dataset.value=JSON.stringify({expression})}}</script>"
        )
        framed.write_text(_frame(page, width, 900) + script, encoding="utf-8")
        text = chromium(framed, (max(width, WIDEST_MINIMUM), 900), False, "--dump-dom")
    match = re.search(r'<body [^>]*data-value="([^"]*)"', text)
    if not match:
        raise RuntimeError(f"{page}: {expression} has no value")
    return json.loads(html.unescape(match[1]))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=5000)
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    try:
        picture = screenshot(given.page, given.out, given.width, given.height, given.dark)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{given.out}: {picture.width}x{picture.height}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
