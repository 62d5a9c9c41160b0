import numpy as np
import pytest
import torch
from torch import Tensor

from gansmith.apps.demos.scoring import Judge, Row, Wanted, as_json, claims
from gansmith.metrics import Score


def score(value: float, half: float | None = 0.1) -> Score:
    low, high = (None, None) if half is None else (value - half, value + half)
    return Score(value, low, high, 10, "", "")


@pytest.mark.parametrize(
    ("ours", "theirs", "share", "held"),
    [
        (score(1.0), score(2.0), 1.0, True),
        (score(2.0), score(1.0), 1.0, False),
        (score(1.0), score(1.15), 1.0, False),  # the intervals overlap
        (score(1.0), score(2.0), 0.5, True),
        (score(1.1), score(2.0), 0.5, False),  # lower, but by too little
        (score(1.0, None), score(2.0), 1.0, False),  # nobody knows how sure
    ],
)
def test_a_claim_holds_if_it_is_low_enough_and_sure(
    ours: Score, theirs: Score, share: float, held: bool
) -> None:
    rows = [Row("theirs", {"fd": theirs}), Row("ours", {"fd": ours})]
    (claim,) = claims(rows, (Wanted("fd", "ours", "theirs", share),))
    assert claim.held is held
    assert claim.as_json()["held"] is held
    assert claim.text.startswith("fd of ours ")


@pytest.mark.parametrize("known", [(), ("a",)])
def test_what_was_not_measured_is_said_to_be_so(known: tuple[str, ...]) -> None:
    rows = [Row(x, {"fd": score(1)} | ({"lpips": score(1)} if x in known else {})) for x in "ab"]
    (claim,) = claims(rows, (Wanted("lpips", "a", "b"),))
    assert claim.held is None
    assert claim.as_json() == {
        "claim": "lpips of a lower than that of b",
        "held": None,
        "measured": False,
    }


class Means:
    """The mean of each channel, and of each half: enough to tell colours and places."""

    name, digest, resize = "means", "0" * 12, "not resized"

    def __call__(self, images: Tensor) -> Tensor:
        x = images.float()
        half = x.shape[3] // 2
        return torch.cat([x[..., :half].mean((2, 3)), x[..., half:].mean((2, 3))], 1)


def pictures(count: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (count, 3, 1, 1))
    noise = rng.integers(-20, 21, (count, 3, 8, 8))
    return torch.from_numpy((colours + noise).clip(0, 255).astype(np.uint8))


def test_nearer_translations_score_better() -> None:
    target = pictures(60)
    near = (target.int() + 5).clamp(0, 255).to(torch.uint8)
    judge = Judge(Means(), ("mean", lambda a, b: (a.float() - b.float()).abs().mean((1, 2, 3))))
    rows = judge.translations({"input": 255 - target // 3, "near": near}, target)
    far, close = (row.scores for row in rows)
    assert [row.label for row in rows] == ["input", "near"]
    for name in ("fd", "kid", "lpips_target"):
        assert close[name].value < far[name].value, name
    assert close["psnr"].value > far["psnr"].value
    name = "lpips_target"
    wanted = (Wanted(name, "near", "input", 0.5), Wanted(name, "input", "near"))
    assert [claim.held for claim in claims(rows, wanted)] == [True, False]
    assert as_json(rows)["near"][name]["n"] == 60


def test_better_fillings_score_better() -> None:
    real = pictures(40)
    hole = torch.zeros(40, 8, 8, dtype=torch.bool)
    hole[:, 2:6, 2:6] = True
    grey = torch.where(hole[:, None], torch.tensor(128, dtype=torch.uint8), real)
    near = torch.where(hole[:, None], (real.int() + 6).clamp(0, 255).to(torch.uint8), real)
    rows = Judge(Means(), None).completions(
        {"grey": grey, "near": near}, real, hole, pictures(40, 1)
    )
    far, close = (row.scores for row in rows)
    assert close["psnr_hole"].value > far["psnr_hole"].value
    assert close["fd"].value < far["fd"].value
    assert "lpips_hole" not in close
