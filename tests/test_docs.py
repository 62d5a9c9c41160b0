"""What the pages tell a developer to do is done here as written."""

import re
from importlib import import_module
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent


def blocks(page: str, after: str) -> list[str]:
    """The Python blocks of a page, from a heading on."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text[text.index(after) :], re.DOTALL)


def test_the_loss_of_five_minutes_works_as_it_is_written() -> None:
    sides, line = blocks("architecture.md", "**A loss.**")[:2]
    adversarial = import_module("gansmith.losses.adversarial")  # the file, not its function
    room = dict(vars(adversarial))
    exec(sides, room)
    losses = eval("{" + line + "}", room)
    (name,) = losses
    assert name not in adversarial.LOSSES  # else another example is due
    loss, real, fake = losses[name], torch.tensor([2.0, 0.0]), torch.tensor([-3.0, 0.5])
    assert float(loss.d_loss(real, fake)) == (0 + 1.5) / 2  # margins of 5 and −0.5
    assert float(loss.g_loss(real, fake)) == (6.0 + 0.5) / 2
    for side in (loss.d_loss, loss.g_loss):
        assert re.search(r"\b(19|20)\d\d\b", side.__doc__)
