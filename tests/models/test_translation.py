"""What is the translation families' own: any size, what is encoded, patches at several scales."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, conv2d

from gansmith.errors import UserError
from gansmith.models import Generator, Spec, Style, Translator, build
from gansmith.models.translation import BlurredDown, alike, extended

Z = 6
both = pytest.mark.parametrize("name", ["unet", "translator"])


def translator(name="unet", shape=(3, 16, 24), inputs=1, depth=2, **styles) -> Translator:
    torch.manual_seed(0)
    spec = Spec(name, shape, Z, 8, depth, kind="translation", in_channels=inputs, **styles)
    net = spec.nets()[0]
    with torch.no_grad():
        for p in net.parameters():
            if not p.any():
                p.normal_(0, 0.05)  # branches that start at zero do so no more
    return Translator(net, spec)


def picture(count=2, channels=1, size=(16, 24), seed=0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, *size), generator=draw, dtype=torch.uint8)


def test_colour_becomes_the_grey_that_a_file_is_read_in():
    """Rec. 601 luma, as Pillow's "L": green counts five times as much as blue."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    wanted = np.asarray(Image.fromarray(pixels).convert("L"), np.int64)
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    grey = alike(x, 1)
    assert grey.shape == (1, 1, 8, 8)
    assert np.abs(grey[0, 0].numpy() - wanted).max() <= 0.51
    for same in (alike(x / 127.5 - 1, 1) * 127.5 + 127.5, alike(alike(x, 1), 3)[:, 2:]):
        assert torch.allclose(same, grey, atol=1e-3)
    assert alike(x, 3) is x


@both
@pytest.mark.parametrize("size", [(16, 24), (8, 8), (37, 53), (5, 3), (1, 1), (64, 20)])
def test_a_picture_of_any_size_comes_back_as_large(name, size):
    found = translator(name)
    made = found.translate(picture(2, size=size))
    assert made.shape == (2, 3, *size)
    assert made.dtype == torch.uint8


@both
def test_what_is_extended_is_cut_again(name):
    """A picture is translated as the corner of its extension."""
    found = translator(name)
    x = picture(1, size=(14, 21))
    larger = extended(x.float(), found.stride).to(torch.uint8)
    assert larger.shape[2] % found.stride == larger.shape[3] % found.stride == 0
    one, other = found.translate(x).int(), found.translate(larger).int()[..., :14, :21]
    assert int((one - other).abs().max()) <= 1
    assert torch.equal(larger[..., 14, :21], x[..., 12, :]), "the mirror image below"


@both
def test_an_output_is_a_function_of_picture_seed_and_number(name):
    found = translator(name)
    x = picture(1).expand(3, -1, -1, -1)
    three = found.translate(x, seed=5, numbers=[0, 1, 0]).int()
    assert int((three[0] - three[2]).abs().max()) <= 1
    assert int((three[0] - three[1]).abs().max()) > 1, "several outputs are possible"
    other = found.translate(picture(1, seed=1), seed=5).int()
    assert int((other[0] - three[0]).abs().max()) > 1, "the picture is read"


@both
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_a_translator_comes_back_bit_by_bit_as_a_translator(name, output, tmp_path):
    before = translator(name, g=Style(output=output))
    after = Generator.from_pretrained(before.save_pretrained(tmp_path))
    assert isinstance(after, Translator)
    assert after.spec == before.spec
    assert (after.in_channels, after.stride) == (1, before.stride)
    x = picture()
    assert torch.equal(before.translate(x), after.translate(x))


@both
def test_what_does_not_fit_is_one_clear_line(name):
    found = translator(name)
    with pytest.raises(UserError, match="pictures of 3 channels: this net was trained on 1"):
        found.translate(picture(channels=3))
    with pytest.raises(UserError, match="1 numbers for 2 pictures"):
        found.translate(picture(), numbers=[0])
    with pytest.raises(UserError, match="gansmith translate RUN PICTURES"):
        found.sample(4)


@both
def test_what_is_encoded_is_where_the_picture_is(name):
    """Layer 0 is the picture; a deeper one changes where the picture does, and knows no noise."""
    G, _ = build(name, (3, 64, 64), Z, 4, 2)
    x = torch.randn(1, 3, 64, 64)
    layers = list(G.telling)
    seen = G.encode(x, layers)
    assert layers[0] == 0
    assert torch.equal(seen[0], x)
    assert [each.shape[1] for each in seen] == [G.channels[layer] for layer in layers]
    moved = x.clone()
    moved[..., :2, :2] += 1.0
    for one, other in zip(seen, G.encode(moved, layers), strict=True):
        changed = (one - other).abs().amax((0, 1)) > 1e-7
        assert bool(changed[0, 0])
    alone = G.encode(x, [2])[0]
    torch.testing.assert_close(alone, seen[layers.index(2)])


def test_a_blurred_halving_is_a_convolution_of_means():
    """Means of 2×2 at every pixel, then 3×3 at every second one: away from the border."""
    torch.manual_seed(0)
    down, x = BlurredDown(3, 5), torch.randn(2, 3, 16, 16)
    wanted = conv2d(avg_pool2d(x[..., 1:, 1:], 2, 1), down.weight, down.bias, 2)
    torch.testing.assert_close(down(x)[..., 1:7, 1:7], wanted)
    stripes = torch.ones(1, 3, 16, 16)
    stripes[..., ::2] = -1.0
    inside = (down(stripes) - down.bias[:, None, None])[..., 1:-1, 1:-1]
    assert float(inside.detach().abs().max()) < 1e-6, "nothing is left at half the sampling rate"


@both
def test_a_residual_one_adds_to_its_picture(name):
    """At first little: its output is its input, grey given as colour, and what it adds learns."""
    torch.manual_seed(0)
    style = Style(residual=True)
    G, _ = Spec(name, (3, 32, 32), Z, 8, 1, kind="translation", in_channels=1, g=style).nets()
    x, z = torch.rand(4, 1, 32, 32) * 2 - 1, torch.randn(4, Z)
    added = G(z, None, x) - x
    assert added.shape == (4, 3, 32, 32)
    assert 0 < float(added.detach().square().mean().sqrt()) < 0.25
    with torch.no_grad():
        G.out.weight.zero_()
        G.out.bias.fill_(0.5)
    torch.testing.assert_close(G(z, None, x), (x + 0.5).expand(4, 3, 32, 32))
    G.out.bias.grad = None
    G(z, None, x).sum().backward()
    assert torch.equal(G.out.bias.grad, torch.full((3,), 4.0 * 32 * 32))
    with pytest.raises(UserError, match=r"model\.g\.output=tanh would"):
        build(name, (3, 32, 32), Z, 8, 1, g=Style(residual=True, output="tanh"))
    with pytest.raises(UserError, match="reads noise alone: use unet, translator, or"):
        build("resnet", (3, 32, 32), Z, 8, 1, g=Style(residual=True))


def test_d_may_look_at_several_sizes():
    torch.manual_seed(0)
    _, D = build("unet", (3, 32, 32), Z, 4, 1, d=Style(scales=3))
    x = torch.randn(2, 3, 32, 32)
    seen = D.patches(x)
    torch.testing.assert_close(D.features(x), seen.mean((2, 3)))
    assert D(x).shape == (2,)
    one = build("unet", (3, 32, 32), Z, 4, 1)[1]
    assert seen.shape[1] > one.patches(x).shape[1]
    moved = x + 0.1 * torch.randn_like(x)
    finest = one.patches(x).shape[1]
    assert float((D.patches(moved) - seen)[:, finest:].detach().abs().max()) > 1e-4
    with pytest.raises(UserError, match=r"model\.d\.scales=3 leaves 4 pixels"):
        build("unet", (3, 16, 16), Z, 4, 1, d=Style(scales=3))
    with pytest.raises(UserError, match=r"model\.d\.scales is of a D that judges patches"):
        build("resnet", (3, 32, 32), Z, 4, 1, d=Style(scales=2))


@both
def test_d_of_pairs_sees_both_pictures(name):
    spec = Spec(name, (3, 16, 16), Z, 4, 1, kind="translation", in_channels=1, pairs=True)
    G, D = spec.nets()
    x = torch.randn(2, 1, 16, 16)
    made = G(torch.randn(2, Z), None, x)
    assert made.shape == (2, 3, 16, 16)
    assert D(torch.cat([x, made], 1)).shape == (2,)
