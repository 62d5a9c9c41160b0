import pytest
import torch

from gansmith.losses import feature_matching


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
