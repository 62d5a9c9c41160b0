"""What is the completion family's own: holes, known pixels, any size, patches, many fillings."""

import pytest
import torch

from gansmith.errors import UserError
from gansmith.models import Completer, Generator, Spec, build
from gansmith.models.completion import STRIDE, completed, given_of

Z = 6


def nets(shape=(3, 16, 24), depth=2, **styles):
    torch.manual_seed(0)
    return build("completion", shape, Z, 8, depth, **styles)


def holed(count=2, size=(16, 24), seed=0):
    """Pictures, and a box in the middle of each."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(count, 3, *size, generator=draw) * 2 - 1
    hole = torch.zeros(count, 1, *size, dtype=torch.bool)
    hole[:, :, 4:12, 6:16] = True
    return x, hole


def woken(G: torch.nn.Module) -> torch.nn.Module:
    """Branches that start at zero do so no more."""
    with torch.no_grad():
        for p in G.parameters():
            if not p.any():
                p.normal_(0, 0.05)
    return G


def completer(seed=0, shape=(3, 16, 24)) -> Completer:
    torch.manual_seed(seed)
    spec = Spec("completion", shape, Z, 8, 2, kind="completion")
    return Completer(woken(spec.nets()[0]), spec)


def test_known_pixels_are_those_that_were_given_and_others_are_made():
    G, _ = nets()
    x, hole = holed()
    given = given_of(x, hole)
    made = G(torch.randn(2, Z), None, given).detach()
    everywhere = hole.expand_as(x)
    assert torch.equal(made[~everywhere], x[~everywhere])
    assert float((made - x)[everywhere].abs().min()) > 0
    whole = G(torch.randn(2, Z), None, given, whole=True).detach()
    assert float((whole - x)[~everywhere].abs().max()) > 0.01
    assert torch.equal(completed(whole, given)[~everywhere], x[~everywhere])


def test_what_a_picture_shows_in_its_hole_plays_no_part():
    G, _ = nets()
    x, hole = holed()
    z = torch.randn(2, Z)
    other = torch.where(hole, torch.full_like(x, 0.7), x)
    assert torch.equal(G(z, None, given_of(x, hole)), G(z, None, given_of(other, hole)))
    assert torch.equal(
        given_of(x, hole, (0.0, 1.0))[:, :3][hole.expand_as(x)].unique(), torch.tensor([0.5])
    )


def test_noise_makes_several_fillings_of_one_hole():
    G, _ = nets()
    x, hole = holed(1)
    given = given_of(x, hole).expand(4, -1, -1, -1)
    made = G(torch.randn(4, Z), None, given).detach()
    for i in range(4):
        for j in range(i):
            assert float((made[i] - made[j]).abs().max()) > 0.01


def test_every_place_sees_all_of_the_picture():
    """The Fourier branch: a far corner moves the middle, which no 3×3 convolution reaches."""
    G, _ = nets((3, 128, 128), depth=1)
    woken(G)
    x, _ = holed(1, (128, 128))
    hole = torch.zeros(1, 1, 128, 128, dtype=torch.bool)
    hole[..., 60:68, 60:68] = True
    z, moved = torch.randn(1, Z), x.clone()
    moved[..., :4, :4] += 1.0
    one, other = (
        G(z, None, given_of(each, hole)).detach()[hole.expand(1, 3, -1, -1)] for each in (x, moved)
    )
    assert float((one - other).abs().max()) > 1e-5


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (20, 52), (64, 36)])
def test_a_net_fills_pictures_of_other_sizes_than_it_was_trained_on(size):
    found = completer()
    draw = torch.Generator().manual_seed(1)
    x = torch.randint(0, 256, (2, 3, *size), generator=draw, dtype=torch.uint8)
    mask = torch.zeros(2, *size, dtype=torch.bool)
    mask[:, 2:6, 3:7] = True
    made = found.complete(x, mask)
    assert made.dtype == torch.uint8
    known = ~mask[:, None].expand_as(x)
    assert torch.equal(made[known], x[known])
    assert not torch.equal(made, x)


@pytest.mark.parametrize("output", ["linear", "tanh", "sigmoid"])
def test_known_pixels_come_back_bit_by_bit_in_every_range(output):
    from gansmith.models import Style

    torch.manual_seed(0)
    spec = Spec("completion", (1, 8, 32), Z, 4, 1, kind="completion", g=Style(output=output))
    found = Completer(spec.nets()[0], spec)
    x = torch.arange(256, dtype=torch.uint8).view(1, 1, 8, 32)
    mask = torch.zeros(1, 8, 32, dtype=torch.bool)
    mask[0, 0, 0] = True
    made = found.complete(x, mask)
    assert torch.equal(made.flatten()[1:], x.flatten()[1:])


def test_a_filling_is_a_function_of_the_seed_and_its_number():
    found = completer()
    x = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8).expand(3, -1, -1, -1)
    mask = torch.zeros(3, 16, 16, dtype=torch.bool)
    mask[:, 4:12, 4:12] = True
    three = found.complete(x, mask, seed=5, fillings=[0, 1, 0]).int()
    assert int((three[0] - three[2]).abs().max()) <= 1
    assert int((three[0] - three[1]).abs().max()) > 1
    alone = found.complete(x[:1], mask[:1], seed=5, fillings=[1]).int()
    assert int((alone[0] - three[1]).abs().max()) <= 1
    other = found.complete(x, mask, seed=6).int()
    assert int((other[0] - three[0]).abs().max()) > 1


def test_a_completer_comes_back_bit_by_bit_as_a_completer(tmp_path):
    before = completer(seed=3)
    after = Generator.from_pretrained(before.save_pretrained(tmp_path))
    assert isinstance(after, Completer)
    assert after.spec == before.spec
    assert after.stride == STRIDE
    x = torch.randint(0, 256, (2, 3, 16, 24), dtype=torch.uint8)
    mask = torch.rand(2, 16, 24) < 0.3
    assert torch.equal(before.complete(x, mask), after.complete(x, mask))


def test_what_does_not_fit_is_one_clear_line():
    found = completer()
    x, mask = torch.zeros(2, 3, 16, 24, dtype=torch.uint8), torch.ones(2, 16, 24, dtype=torch.bool)
    with pytest.raises(UserError, match="pictures of 1 channels: this net was trained on 3"):
        found.complete(x[:, :1], mask)
    with pytest.raises(UserError, match="15x24 pixels: sides must be multiples of 4"):
        found.complete(x[:, :, 1:], mask[:, 1:])
    with pytest.raises(UserError, match="a mask of 1x16x24 for pictures of 2x16x24"):
        found.complete(x, mask[:1])
    with pytest.raises(UserError, match="1 fillings for 2 pictures"):
        found.complete(x, mask, fillings=[0])
    with pytest.raises(UserError, match="gansmith inpaint RUN PICTURE --mask MASK"):
        found.sample(4)


def test_d_averages_what_it_says_of_its_patches():
    """Of a linear head, the mean of the patches' logits is the logit of their mean features."""
    _, D = nets()
    x = torch.randn(3, 3, 16, 24)
    seen = D.patches(x)
    assert seen.shape[2:] == (2, 3)
    logits = torch.nn.functional.conv2d(
        seen, D.head.linear.weight[:, :, None, None], D.head.linear.bias
    )
    torch.testing.assert_close(D(x), logits.mean((1, 2, 3)))
    assert torch.equal(D.features(x), seen.mean((2, 3)))


def test_a_patch_sees_its_own_surroundings_only():
    _, D = nets((3, 64, 64))
    x = torch.randn(1, 3, 64, 64)
    moved = x.clone()
    moved[..., :4, :4] += 1.0
    one, other = D.patches(x), D.patches(moved)
    changed = (one - other).abs().amax((0, 1)) > 1e-6
    assert bool(changed[0, 0])
    assert not bool(changed[4:, 4:].any())


def test_other_critics_see_one_patch():
    _, D = build("resnet", (3, 16, 16), Z, 4, 1)
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(D.patches(x).flatten(1), D.features(x))
