"""The contract of every family in the table, at many shapes."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gansmith.errors import UserError
from gansmith.models import MODELS, build

Z = 6
SHAPES = [
    (1, 8, 8),
    (3, 12, 20),
    (3, 20, 8),
    (1, 28, 28),
    (3, 32, 32),
    (1, 36, 100),
    (3, 48, 64),
    (3, 64, 64),
]
INDEPENDENT = [
    "mlp",
    "resnet",
    "completion",
]  # batch normalisation ties the samples of dcgan together

families = pytest.mark.parametrize("name", MODELS)


def pair(name, shape=(3, 8, 8), width=4, depth=1, classes=0):
    torch.manual_seed(0)
    return build(name, shape, Z, width, depth, classes)


def labels(count: int, classes: int) -> torch.Tensor | None:
    return torch.arange(count) % classes if classes else None


def check(name, shape, width, classes=0, depth=1, count=5):
    """Shapes, finiteness and the spread of what fresh nets put out."""
    G, D = pair(name, shape, width, depth, classes)
    y = labels(count, classes)
    with torch.no_grad():
        x = G(torch.randn(count, Z), y)
        logit_B = D(x, y)
        on_noise_B = D(torch.randn(count, *shape), y)
    assert x.shape == (count, *shape)
    assert logit_B.shape == (count,)
    assert torch.isfinite(x).all()
    assert 0.003 < float(x.std()) < 4.0, "pictures at the start are neither grey nor saturated"
    assert float((x[0] - x[1]).abs().max()) > 1e-3, "noise makes a difference"
    for found in (logit_B, on_noise_B):
        assert torch.isfinite(found).all()
        assert float(found.abs().max()) < 20.0
    assert float(on_noise_B.std()) > 1e-4, "D sees a difference"


@families
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_family_makes_and_judges_any_shape(name, shape):
    check(name, shape, width=4, classes=5 if shape[0] == 1 else 0)


@families
@pytest.mark.parametrize("shape", [(3, 256, 256), (1, 128, 256)], ids=str)
def test_a_family_reaches_256_pixels(name, shape):
    check(name, shape, width=2, count=2)


@families
@settings(max_examples=8)
@given(st.integers(2, 18), st.integers(2, 18), st.sampled_from([1, 3]), st.sampled_from([0, 3]))
def test_a_family_makes_whatever_the_configuration_allows(name, rows, columns, channels, classes):
    check(name, (channels, 4 * rows, 4 * columns), width=3, classes=classes, count=3)


@pytest.mark.parametrize("depth", [1, 2, 3])
@families
def test_depth_is_free(name, depth):
    check(name, (3, 16, 16), width=4, depth=depth)


def test_the_perceptron_makes_points():
    G, D = pair("mlp", (2,), width=16, depth=2)
    x = G(torch.randn(7, Z))
    assert x.shape == (7, 2)
    assert D(x).shape == (7,)


@families
def test_a_family_reads_what_it_declares(name):
    """All read noise and labels; those that read holes also a picture, and without one none."""
    G, _ = pair(name)
    if MODELS[name].reads == "picture":
        z, grey = torch.randn(2, Z), torch.zeros(2, 3, 8, 8)
        assert torch.equal(G(z, None, grey), G(z))
        assert not torch.equal(G(z, None, grey + 0.5), G(z))
        return
    z, given = torch.randn(2, Z), torch.zeros(2, 4, 8, 8)
    given[:, :3, :4] = 0.25
    given[:, 3, 4:] = 1.0  # the lower half is the hole
    if MODELS[name].reads == "noise":
        with pytest.raises(TypeError):
            G(z, None, given)
    else:
        made = G(z, None, given)
        assert bool((made[:, :, :4] == 0.25).all())
        assert bool((made[:, :, 4:] != 0.0).any())
        given[:, 3], given[:, :3] = 1.0, 0.0
        assert torch.equal(G(z, None, given), G(z))


@families
@pytest.mark.parametrize("classes", [0, 5])
def test_gradients_reach_every_weight(name, classes):
    G, D = pair(name, (3, 16, 16), width=4, depth=2, classes=classes)
    y, z, x = labels(10, classes), torch.randn(10, Z), torch.randn(10, 3, 16, 16)
    mix, weigh = torch.randn(10, 3, 16, 16), torch.randn(10)
    given = (x,) if MODELS[name].reads == "picture" else ()
    for net, run in (
        (G, lambda: (G(z, y, *given) * mix).sum()),
        (D, lambda: (D(x, y) * weigh).sum()),
    ):
        adam = torch.optim.Adam(net.parameters(), lr=1e-2)
        run().backward()  # the first step wakes the branches that start at zero
        adam.step()
        adam.zero_grad()
        run().backward()
        silent = [
            key for key, p in net.named_parameters() if p.grad is None or not bool(p.grad.any())
        ]
        assert silent == []


@pytest.mark.parametrize("name", INDEPENDENT)
def test_a_logit_is_a_function_of_its_own_sample(name):
    _, D = pair(name, (3, 16, 16), depth=2)
    x = torch.randn(6, 3, 16, 16)
    other = torch.cat([x[:2], torch.randn(4, 3, 16, 16) * 5])
    torch.testing.assert_close(D(x)[:2], D(other)[:2], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(D(x)[:1], D(x[:1]), rtol=1e-5, atol=1e-6)


@families
def test_a_generator_heeds_its_class(name):
    G, _ = pair(name, classes=5)
    z = torch.randn(1, Z).expand(5, Z)
    x = G.eval()(z, torch.arange(5)).detach()
    distances = [float((x[i] - x[j]).abs().max()) for i in range(5) for j in range(i)]
    assert min(distances) > 1e-3


@families
def test_a_discriminator_starts_without_prejudice_and_learns_classes(name):
    _, D = pair(name, classes=5)
    x = torch.randn(5, 3, 8, 8)
    one, other = torch.arange(5), torch.arange(5).flip(0)
    assert torch.equal(D(x, one), D(x, other))
    adam = torch.optim.Adam(D.parameters(), lr=1e-2)
    D(x, one).sum().backward()
    adam.step()
    assert float((D(x, one) - D(x, other)).detach().abs().max()) > 1e-4


@families
def test_a_conditional_net_without_labels_says_what_it_needs(name):
    G, D = pair(name, classes=5)
    with pytest.raises(ValueError, match="generator needs labels"):
        G(torch.randn(2, Z))
    with pytest.raises(ValueError, match="discriminator needs labels"):
        D(torch.randn(2, 3, 8, 8))


@families
def test_wider_nets_have_more_weights(name):
    sizes = [
        [sum(p.numel() for p in net.parameters()) for net in pair(name, width=width)]
        for width in (2, 4, 8)
    ]
    for small, large in pairwise(sizes):
        assert all(a < b for a, b in zip(small, large, strict=True))


@families
def test_fresh_nets_are_a_function_of_the_global_seed(name):
    first, again = pair(name)[0].state_dict(), pair(name)[0].state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)


def fingerprint(x: torch.Tensor) -> float:
    flat = x.detach().double().flatten()
    return float((flat * torch.cos(torch.arange(len(flat), dtype=torch.float64))).sum())


# (family, shape, depth, classes): the next random number after building, both nets' weights, G(z)
# and D(x), all from before styles were there. Saved generators and measured recipes hang on them.
FROZEN = {
    ("resnet", (3, 16, 24), 1, 0): (0.42834818, -7.0873857, -7.4679477, -2.2714053, -0.26831485),
    ("resnet", (1, 28, 28), 2, 3): (0.0087219477, 4.6844996, 5.4251547, 1.4358145, -0.57249413),
    ("dcgan", (3, 32, 32), 1, 0): (0.61935008, 4.6472129, 1.9528981, -8.8157632, 0.53911943),
    ("dcgan", (1, 16, 16), 1, 3): (0.94097984, 6.2354881, 2.2535542, 1.1431094, 0.010559234),
    ("mlp", (2,), 3, 0): (0.67651874, 0.16849541, -18.798475, 0.37175045, -0.80403527),
    # Its D(x) is of a later time: since then a perceptron sees images from black on.
    ("mlp", (1, 8, 8), 1, 3): (0.20316881, -3.8020651, 0.47825318, -6.5923355, 1.4433421),
}


@pytest.mark.parametrize("case", FROZEN, ids=str)
def test_the_default_nets_are_what_they_were(case):
    name, shape, depth, classes = case
    torch.manual_seed(3)
    G, D = build(name, shape, 6, 8, depth, classes)
    after = float(torch.rand(()))
    torch.manual_seed(4)
    z, x, y = torch.randn(4, 6), torch.randn(4, *shape), labels(4, classes)
    outputs = [fingerprint(G(z, y)), fingerprint(D(x, y))]
    weights = []
    for net in (G, D):
        values = net.state_dict().values()
        weights.append(sum(fingerprint(v) for v in values if v.dtype.is_floating_point))
    assert [after, *weights, *outputs] == pytest.approx(FROZEN[case], rel=1e-4, abs=1e-5)


def test_refusals_are_one_clear_line():
    with pytest.raises(UserError, match=r"^model.name 'resnt' .*did you mean 'resnet'.*known: mlp"):
        pair("resnt")
    with pytest.raises(UserError, match=r"makes images; for points use model.name=mlp"):
        pair("dcgan", (2,))
    for size in (4, 7, 15):
        with pytest.raises(UserError, match=rf"cannot make {size}x{size} images"):
            pair("resnet", (1, size, size))
