import pytest
import torch

from gansmith.errors import UserError
from gansmith.metrics.checks import feature_pair, finite_rows

GOOD = torch.randn(8, 3)


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        (torch.zeros(0, 3), GOOD, "0 real features are too few"),
        (GOOD, GOOD[:1], "1 generated features are too few"),
        (GOOD, GOOD[:, :2], "real features have 3 dimensions and generated ones 2"),
        (GOOD[0], GOOD, r"real features have shape \(3,\)"),
        (GOOD, torch.zeros(8, 0), r"shape \(8, 0\)"),
        (GOOD, GOOD.masked_fill(GOOD > 1e9, 0).index_fill(0, torch.tensor([2]), torch.nan), "1 of"),
        (GOOD / 0.0, GOOD, "8 of 8 real features are NaN or infinite"),
    ],
)
def test_names_what_is_wrong_in_one_line(
    real: torch.Tensor, fake: torch.Tensor, words: str
) -> None:
    with pytest.raises(UserError, match=words) as caught:
        feature_pair(real, fake)
    assert "\n" not in str(caught.value)


def test_gives_float64_without_gradients() -> None:
    rows = finite_rows(GOOD.clone().requires_grad_(), "rows")
    assert rows.dtype == torch.float64
    assert not rows.requires_grad
    assert torch.equal(rows.float(), GOOD)
