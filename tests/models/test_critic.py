"""How discriminators see a batch: packs, the deviation of the batch, and encoders."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansmith.models import MODELS, Spec, Style, build, ties_samples
from gansmith.models.critic import MinibatchStd, packed

families = pytest.mark.parametrize("name", MODELS)
SHAPE = (3, 16, 16)


def judge(name, shape=SHAPE, classes=0, **style):
    torch.manual_seed(0)
    D = build(name, shape, 6, 8, 2, classes, d=Style(norm="none", **style))[1]
    for weight in D.parameters():  # residual branches start at zero
        weight.data += 0.02 * torch.randn_like(weight)
    return D


@pytest.mark.parametrize("shape", [(4, 5), (4, 2, 3, 3)], ids=str)
def test_the_deviation_of_the_batch_is_that_of_the_paper(shape):
    x = torch.randn(shape)
    found = MinibatchStd()(x)
    assert torch.equal(found[:, :-1], x)
    values = x.flatten(1).tolist()
    total = 0.0
    for column in zip(*values, strict=True):
        mean = sum(column) / len(column)
        total += (sum((value - mean) ** 2 for value in column) / len(column)) ** 0.5
    expected = total / len(values[0])
    torch.testing.assert_close(found[:, -1], torch.full_like(found[:, -1], expected))


def test_a_batch_of_one_or_of_equals_deviates_by_nothing_and_has_a_slope():
    for x in (torch.randn(1, 5), torch.ones(3, 5)):
        x.requires_grad_()
        found = MinibatchStd()(x)
        assert float(found[:, -1].detach().max()) < 2e-4
        found.sum().backward()
        assert bool(x.grad.isfinite().all())


@families
def test_with_it_a_collapsed_batch_is_judged_otherwise(name):
    x, others = torch.randn(1, *SHAPE), torch.randn(5, *SHAPE)
    for wanted in (False, True):
        D = judge(name, minibatch_std=wanted)
        alike, varied = D(x.expand(6, *SHAPE))[0], D(torch.cat([x, others]))[0]
        assert torch.allclose(alike, varied, atol=1e-5) != wanted
        assert ties_samples(D) == wanted


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
def test_a_pack_is_its_samples_on_top_of_one_another(packs, pac, channels):
    x = torch.randn(packs * pac, channels, 2, 2)
    found = packed(x, pac)
    assert found.shape == (packs, pac * channels, 2, 2)
    for pack in range(packs):
        assert torch.equal(found[pack], torch.cat(list(x[pack * pac : (pack + 1) * pac])))
    if pac > 1:
        with pytest.raises(ValueError, match=f"does not divide into packs of {pac}"):
            packed(x[1:], pac)


@pytest.mark.parametrize("shape", [SHAPE, (2,)], ids=str)
@families
def test_a_logit_depends_on_the_mates_of_its_pack_alone(name, shape):
    if len(shape) == 1 and not MODELS[name].flat:
        pytest.skip("makes images only")
    D = judge(name, shape, pac=3)
    x = torch.randn(9, *shape)
    before = D(x)
    assert before.shape == (3,)
    assert D.features(x).shape[0] == 3
    for changed in range(9):
        other = x.clone()
        other[changed] += 1.0
        moved = (D(other) - before).abs() > 1e-5
        assert moved.tolist() == [pack == changed // 3 for pack in range(3)]
    assert ties_samples(D)
    with pytest.raises(ValueError, match="8 samples does not divide"):
        D(x[:8])


@pytest.mark.parametrize("classes", [0, 3])
@families
def test_d_is_its_head_on_its_features(name, classes):
    D = judge(name, classes=classes, output="sigmoid")
    x, y = torch.randn(4, *SHAPE), torch.arange(4) % 3 if classes else None
    h = D.features(x, y)
    assert h.shape == (4, D.head.linear.in_features)
    torch.testing.assert_close(D(x, y), torch.sigmoid(D.head(h, y)))
    if not classes:
        torch.testing.assert_close(D(x), torch.sigmoid(D.head.linear(h)[:, 0]))


@families
def test_an_encoder_sees_each_sample_by_itself_and_no_class(name):
    style = Style(norm="none", output="sigmoid", minibatch_std=True)
    spec = Spec(name, SHAPE, 6, 8, 1, ("a", "b"), d=style)
    E = spec.encoder()
    x = torch.randn(5, *SHAPE)
    found = E(x)
    assert found.shape == (5, 12)
    assert not ties_samples(E)
    torch.testing.assert_close(E(x[:2]), found[:2], rtol=1e-4, atol=1e-5)
    assert float(found.detach().min()) < 0, "its output is linear"
    packs = Spec(name, SHAPE, 6, 8, 1, d=Style(pac=5))
    assert packs.encoder()(x).shape == (5, 12)
