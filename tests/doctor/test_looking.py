"""Signs by closed forms, and in the right direction on real samples."""

import math

import pytest
import torch
from torch import nn

from gansmith.data import open_data
from gansmith.doctor import looking
from gansmith.losses import LOSSES, adversarial
from gansmith.metrics import load_features


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    rows = torch.randperm(10_000, generator=torch.Generator().manual_seed(0))[:384].numpy()
    return open_data("digits", split="test").batch(rows)[0].float() / 127.5 - 1


# --- judging


def test_accuracies_count_what_lies_on_the_right_side() -> None:
    real, fake = torch.tensor([1.0, 2.0, -1.0, 0.0]), torch.tensor([-1.0, -2.0, 3.0])
    found = looking.judged(real, fake, 0.0)
    assert found["acc_real"] == 2.5 / 4  # one on the boundary is half right
    assert found["acc_fake"] == 2 / 3
    # Of 12 pairs: 1, 2 and 0 beat two each, −1 beats one and ties with one, 3 beats all.
    assert found["acc_pairs"] == 7.5 / 12
    assert (found["d_real"], found["d_fake"]) == (0.5, 0.0)
    assert "acc_real" not in looking.judged(real, fake, None)


def test_a_held_out_sample_is_judged_as_a_real_one_is() -> None:
    fake, held = torch.tensor([0.0, 0.0]), torch.tensor([1.0, -1.0])
    assert looking.held_out(held, fake, 0.5)["acc_held"] == 0.5
    assert looking.held_out(held, fake, None)["acc_held"] == 0.5
    assert looking.held_out(held, fake, -2.0)["acc_held"] == 1.0


@pytest.mark.parametrize(
    ("name", "boundary", "d", "g"),
    [
        ("ns", 0.0, 2 * math.log(2), math.log(2)),
        ("rpgan", None, math.log(2), math.log(2)),
        ("bce", 0.5, 2 * math.log(2), math.log(2)),
        ("lsgan", 0.5, 0.25, 0.125),
        ("hinge", 0.0, 2.0, 0.0),
        ("wasserstein", None, 0.0, 0.0),
        ("f-kl", 1.0, 0.0, -1.0),
        ("f-js", 0.0, 0.0, 0.0),
    ],
)
def test_losses_of_an_undecided_d(name: str, boundary: float | None, d: float, g: float) -> None:
    form = adversarial(name)
    assert looking.boundary_of(name, form) == boundary
    assert looking.undecided(form, boundary) == pytest.approx((d, g), abs=1e-9)


def test_the_boundary_of_least_squares_lies_between_its_targets() -> None:
    form = adversarial("lsgan", -1.0, 1.0, 0.0)
    assert looking.boundary_of("lsgan", form, -1.0, 1.0) == 0.0


def test_every_loss_has_a_boundary_or_is_of_differences() -> None:
    for name, form in LOSSES.items():
        assert (looking.boundary_of(name, form) is None) == form.relative


# --- nets


def test_norms_and_steps_by_hand() -> None:
    a, b = nn.Parameter(torch.tensor([3.0])), nn.Parameter(torch.tensor([4.0]))
    assert looking.weight_norm([a, b]) == 5.0
    assert looking.gradient_norm([a, b]) is None
    a.grad = torch.tensor([2.0])
    assert looking.gradient_norm([a, b]) == 2.0
    assert looking.update([a, b], [torch.tensor([3.0]), torch.tensor([3.0])]) == pytest.approx(
        1 / math.sqrt(18)
    )


def test_surprise_is_the_gradient_over_what_adam_expects() -> None:
    weight = nn.Parameter(torch.zeros(4))
    adam = torch.optim.Adam([weight], lr=0.1, betas=(0.0, 0.5))
    assert looking.surprise(adam) is None
    weight.grad = torch.ones(4)
    adam.step()
    assert looking.surprise(adam) == pytest.approx(1.0)
    weight.grad = torch.full((4,), 7.0)
    adam.step()  # v̂ = (49 + 1/2)/2 / (1 − 1/4) = 33
    assert looking.surprise(adam) == pytest.approx(7 / math.sqrt(33), rel=1e-6)
    assert looking.surprise(torch.optim.SGD([weight], lr=0.1)) is None


def test_the_largest_singular_value_is_that_of_the_decomposition() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Conv2d(3, 5, 3))
    wanted = max(float(torch.linalg.svdvals(net[i].weight.detach().flatten(1))[0]) for i in (0, 2))
    found = looking.largest_singular_value(net)
    assert found is not None
    assert 0.95 * wanted <= found <= 1.0001 * wanted
    assert looking.largest_singular_value(nn.ReLU()) is None


def test_pull_and_slope_of_a_linear_d() -> None:
    direction = torch.tensor([3.0, 4.0])
    x = torch.randn(6, 2)
    assert looking.slope(lambda s: s @ direction, x) == pytest.approx(5.0)
    ns = adversarial("ns")
    tie = torch.zeros(6)
    # At D = 0 the slope of softplus(−v) is −1/2.
    pull = looking.pull(lambda s: ns.g_loss(tie, (s - x) @ direction), x)
    assert pull == pytest.approx(2.5)
    assert not x.requires_grad


def test_what_is_not_finite_is_counted_by_tensor() -> None:
    good, bad = torch.ones(3), torch.tensor([1.0, float("nan")])
    assert looking.not_finite([good, bad, torch.tensor([float("inf")])]) == 2


# --- samples


def known(digits: torch.Tensor, **more) -> looking.Reference:
    return looking.Reference(digits[:128], looking.Known(load_features("digits-cnn")), **more)


def test_fresh_real_samples_look_like_the_data(digits: torch.Tensor) -> None:
    for reference in (known(digits), looking.Reference(digits[:128], looking.Glance(digits[:128]))):
        found, _ = reference.signs(digits[128:256])
        assert found["diversity"] == pytest.approx(1.0, abs=0.1)
        assert found["noise_share"] == pytest.approx(1.0, abs=0.15)
        assert found["coverage"] > 0.85
        assert found["precision"] > 0.6
        assert found["modes"] > 0.75
        assert found["duplicates"] < 0.02
        assert abs(found["spectrum_high"]) < 0.1
        assert abs(found["checkerboard"]) < 0.3


def test_one_sample_again_and_again_is_seen(digits: torch.Tensor) -> None:
    same = digits[:1].expand(128, -1, -1, -1) + 0.01 * torch.randn(128, 1, 28, 28)
    found, _ = known(digits).signs(same)
    assert found["diversity"] < 0.1
    assert found["duplicates"] > 0.9
    assert found["modes"] <= 0.2
    assert found["coverage"] < 0.1


def test_one_sample_of_each_class_varies_little_within(digits: torch.Tensor) -> None:
    reference = known(digits)
    few = digits[:10].repeat(13, 1, 1, 1)[:128] + 0.01 * torch.randn(128, 1, 28, 28)
    found, _ = reference.signs(few)
    assert found["intra_diversity"] < 0.4
    assert found["diversity"] > 0.6


def test_copies_are_of_the_training_samples_alone(digits: torch.Tensor) -> None:
    train = digits[:128]
    reference = known(digits, train=train, held=digits[256:])
    assert reference.signs(train.flip(0))[0]["copies"] == 1.0
    assert reference.signs(digits[128:256])[0]["copies"] < 0.1
    assert reference.leaked == 0.0
    assert known(digits, train=train, held=train[:64]).leaked == 1.0


def test_nothing_is_said_of_samples_that_are_not_finite(digits: torch.Tensor) -> None:
    broken = digits[:64].clone()
    broken[0, 0, 0, 0] = float("nan")
    found, _ = looking.Reference(digits[:128], looking.Glance(digits[:128])).signs(broken)
    assert found == {}


def test_the_modes_of_a_mixture_are_counted_where_they_are_known() -> None:
    centres = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    torch.manual_seed(0)
    real = centres.repeat(64, 1) + 0.1 * torch.randn(256, 2)
    reference = looking.Reference(real, looking.Coordinates(), centres=centres)
    half = centres[:2].repeat(128, 1) + 0.1 * torch.randn(256, 2)
    found, _ = reference.signs(half)
    assert found["modes"] == 0.5
    assert found["intra_diversity"] == pytest.approx(1.0, abs=0.15)
    assert 0.4 < found["coverage"] < 0.55
    assert "checkerboard" not in found


def test_a_track_knows_how_far_and_whether_back() -> None:
    track = looking.Track(2.0)
    assert track.signs(torch.zeros(4, 3)) == {}
    assert track.signs(torch.ones(4, 3)) == {"moved": pytest.approx(math.sqrt(3) / 2)}
    found = track.signs(torch.zeros(4, 3))
    assert found["turned"] == pytest.approx(-1.0)


# --- pictures


def test_a_checkerboard_is_told_from_noise_and_from_blur(digits: torch.Tensor) -> None:
    pictures = looking.Pictures(digits[:128])
    board = torch.ones(28, 28)
    board[::2, 1::2] = board[1::2, ::2] = -1
    found = pictures.signs(digits[128:256] + 0.3 * board)
    noisy = pictures.signs(digits[128:256] + 0.5 * torch.randn(128, 1, 28, 28))
    blurred = pictures.signs(nn.functional.avg_pool2d(digits[128:256], 3, 1, 1))
    assert found["checkerboard"] > 1.5
    assert found["checkerboard"] - found["spectrum_high"] > 0.7
    assert noisy["spectrum_high"] > 0.7
    assert noisy["checkerboard"] - noisy["spectrum_high"] < 0.6
    assert blurred["spectrum_high"] < -1.0


def test_the_range_is_that_of_nearly_all_values(digits: torch.Tensor) -> None:
    found = looking.Pictures(digits[:128]).signs((digits[128:256] + 1) / 2)
    assert (found["low_real"], found["high_real"]) == pytest.approx((-1, 1), abs=0.02)
    assert (found["low_fake"], found["high_fake"]) == pytest.approx((0, 1), abs=0.02)


# --- what is in the holes


def boxes(count: int, side: int) -> torch.Tensor:
    hole = torch.zeros(count, 1, side, side, dtype=torch.bool)
    hole[:, :, 6:20, 8:22] = True
    return hole


def test_detail_and_tone_of_fillings_by_hand() -> None:
    hole = torch.zeros(4, 1, 2, 4, dtype=torch.bool)
    hole[:, :, :, :2] = True
    checks = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    tone = torch.tensor([-3.0, -1.0, 1.0, 3.0]).view(4, 1, 1, 1)
    real = torch.full((4, 1, 2, 4), 100.0)
    real[..., :2] = checks + tone
    made = real.clone()
    made[..., :2] = checks / 2 + tone / 4
    found = looking.fillings(made, real, hole)
    assert found == {"hole_detail": pytest.approx(0.5), "hole_tone": pytest.approx(0.25)}
    flat = real.clone()
    flat[..., :2] = tone
    assert looking.fillings(real, flat, hole) == {"hole_tone": pytest.approx(1.0)}
    assert looking.fillings(made[:3], real[:3], hole[:3]) == {}


def test_a_filling_of_grey_is_told_from_blur_and_from_the_picture(digits: torch.Tensor) -> None:
    real, other, hole = digits[:128], digits[128:256], boxes(128, 28)
    blurred = nn.functional.avg_pool2d(real, 5, 1, 2)
    around = (real * ~hole).sum((2, 3), keepdim=True) / (~hole).sum((2, 3), keepdim=True)
    ways = {"grey": torch.zeros_like(real), "around": around, "blur": blurred, "other": other}
    found = {k: looking.fillings(x.where(hole, real), real, hole) for k, x in ways.items()}
    assert found["grey"] == {"hole_detail": 0.0, "hole_tone": 0.0}
    assert found["around"]["hole_detail"] < 1e-6
    assert found["around"]["hole_tone"] > 0.05
    assert 0.4 < found["blur"]["hole_detail"] < 0.8
    assert found["other"]["hole_detail"] == pytest.approx(1.0, abs=0.1)
