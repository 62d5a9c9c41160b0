import pytest
import torch

from gansmith.losses import feature_matching, masked_l1, paired_matching, variety


def test_it_is_the_squared_distance_of_the_means():
    real, fake = torch.tensor([[1.0, 4.0], [3.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    assert float(feature_matching(real, fake)) == pytest.approx(1.5**2 + 3.0**2)
    assert float(feature_matching(real, fake.repeat(3, 1))) == pytest.approx(11.25)  # another size
    found = feature_matching(real.bfloat16(), fake.bfloat16())
    assert found.dtype == torch.float32
    assert found.shape == ()
    assert feature_matching(real.double(), fake.double()).dtype == torch.float64


def test_only_the_mean_is_matched():
    narrow, broad = torch.tensor([[-1.0], [1.0]]), torch.tensor([[-9.0], [9.0]])
    assert float(feature_matching(narrow, broad)) == 0.0
    assert float(feature_matching(narrow, broad + 1)) == pytest.approx(1.0)


def test_every_fake_sample_is_pulled_by_the_same_difference():
    real, fake = torch.randn(5, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    fake.requires_grad_()
    feature_matching(real, fake).backward()
    pull = -2 * (real.mean(0) - fake.detach().mean(0)) / 4
    torch.testing.assert_close(fake.grad, pull.expand(4, 3))
    assert torch.autograd.gradcheck(feature_matching, (real, fake))


def test_pairs_are_matched_one_by_one():
    real, fake = torch.tensor([[[[1.0]], [[4.0]]], [[[3.0]], [[0.0]]]]), torch.zeros(2, 2, 1, 1)
    assert float(paired_matching(real, fake)) == pytest.approx((1 + 4 + 3) / 4)
    swapped = real.flip(0)  # the same mean, other pairs
    assert float(feature_matching(real.flatten(1), swapped.flatten(1))) == 0.0
    assert float(paired_matching(real, swapped)) == pytest.approx((2 + 4 + 2 + 4) / 4)
    assert paired_matching(real.bfloat16(), fake.bfloat16()).dtype == torch.float32


def test_the_hole_and_the_rest_are_averaged_apart():
    real, made = torch.zeros(2, 2, 2, 2), torch.zeros(2, 2, 2, 2)
    hole = torch.zeros(2, 1, 2, 2, dtype=torch.bool)
    hole[0, 0, 0, 0] = hole[1, 0, 1, 1] = hole[1, 0, 0, 1] = True
    made[0, :, 0, 0] = torch.tensor([0.6, -0.2])  # a mean of 0.4 in one of three pixels
    made[1, :, 1, 0] = 0.5  # known, one of five
    inside, outside = masked_l1(made, real, hole)
    assert float(inside) == pytest.approx(0.4 / 3)
    assert float(outside) == pytest.approx(0.5 / 5)


def test_a_side_without_pixels_is_zero():
    made, real = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    none, all_ = torch.zeros(1, 1, 2, 2, dtype=torch.bool), torch.ones(1, 1, 2, 2, dtype=torch.bool)
    assert [float(each) for each in masked_l1(made, real, none)] == [0.0, 1.0]
    assert [float(each) for each in masked_l1(made, real, all_)] == [1.0, 0.0]


def test_variety_falls_as_samples_move_apart():
    z = torch.tensor([0.5, 1.0])
    one = torch.zeros(2, 1, 2, 2)
    found = [float(variety(one, one + step, z)) for step in (0.0, 0.1, 1.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(0.75 / 1e-2)  # it stays finite where noise is ignored
    assert found[2] == pytest.approx(0.75 / 1.01)


def test_the_gradient_of_variety_drives_samples_apart():
    one, other = torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.1, requires_grad=True)
    variety(one, other, torch.ones(1)).backward()
    assert bool((other.grad < 0).all())  # a step down the gradient is away from 0
