"""Signs of a translation: closed forms, directions on digits, and sides that are alike."""

import pytest
import torch
from torch import Tensor

from gansmith.data import open_data
from gansmith.doctor import looking
from gansmith.doctor.looking import Crossing
from gansmith.doctor.looking.translations import (
    changed,
    energy,
    heeded,
    manner,
    of_its_own,
    tint,
)

SPAN = (-1.0, 1.0)


@pytest.fixture(scope="module")
def digits() -> Tensor:
    rows = torch.randperm(10_000, generator=torch.Generator().manual_seed(0))[:256].numpy()
    return open_data("digits", split="test").batch(rows)[0].float() / 127.5 - 1


def flat(*values: float, channels: int = 1) -> Tensor:
    """Pictures of 2×3 of one value each."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, channels, 2, 3).clone()


def coloured(x: Tensor) -> Tensor:
    """Grey pictures on paper: dark ink, and a tone of it."""
    ink = (x + 1) / 2
    return torch.cat([1 - 1.2 * ink, 0.8 - 1.4 * ink, 0.5 - 0.8 * ink], 1)


def test_how_far_another_input_moves_the_output_by_hand() -> None:
    wanted = flat(-0.5, 0.5)  # two pictures a distance of 1 apart
    made, other = flat(0.1, 0.2, 0.3), flat(0.1, 0.2, 0.3) + 0.25
    assert heeded(made, other, wanted) == {"heeded": pytest.approx(0.25)}
    assert heeded(made, made, wanted) == {"heeded": 0.0}
    assert heeded(made, other, flat(0.3, 0.3)) == {}, "pictures that are all the same"


def test_how_far_outputs_lie_from_inputs_by_hand() -> None:
    given = flat(-0.5, 0.5)
    assert changed(given + 0.1, given) == {"changed": pytest.approx(0.1)}
    assert changed(given, flat(0.2, 0.2)) == {}
    found = changed(given + 0.1, given, given + 0.4)
    assert found == {"changed": pytest.approx(0.25), "nearer": pytest.approx(0.25)}
    away = changed(given - 0.4, given, given + 0.4)
    assert away == {"changed": pytest.approx(1.0), "nearer": pytest.approx(-1.0)}
    assert changed(given, given, given) == {}, "pairs of one picture and itself"


def test_how_much_an_output_is_of_its_own_input_by_hand() -> None:
    wanted = flat(0.0, 1.0, 3.0)
    made = flat(0.5, 1.5, 3.5)  # 0.5 from their own; 0.5, 2.5, 1.5, 1.5, 3.5, 2.5 from the others
    found = of_its_own(made, wanted)
    assert found["own_target"] == pytest.approx(0.5 / 2)
    assert found["own_chance"] == pytest.approx(0.5 / 2), "a sixth of the orders are their own"
    assert of_its_own(wanted, wanted)["own_target"] == 0.0
    assert of_its_own(flat(2.0, 2.0), flat(2.0, 2.0)) == {}


def test_chance_goes_the_lower_the_fewer_pairs_there_are(digits: Tensor) -> None:
    made, wanted = digits[:128], digits[128:256]
    chances = [of_its_own(made[:n], wanted[:n])["own_chance"] for n in (16, 48, 128)]
    assert 0.75 < chances[0] < chances[1] < chances[2] < 1.0
    near = 0.9 * made + 0.1 * wanted  # a tenth of the way is told by many pairs
    found = of_its_own(near, wanted)
    assert 0.9 < found["own_target"] < found["own_chance"]


def test_unrelated_pairs_are_nearer_than_chance_once_in_a_hundred_times(digits: Tensor) -> None:
    found = [of_its_own(digits[:64], digits[128:192].roll(k, 0)) for k in range(64)]
    assert sum(each["own_target"] <= each["own_chance"] for each in found) <= 4


def test_a_tint_by_hand() -> None:
    wanted = flat(-0.6, 0.0, 0.6, channels=3)  # as shares of a range of 2: a deviation of 0.3
    made = wanted + torch.tensor([0.3, -0.12, 0.0]).view(1, 3, 1, 1)
    found = tint(made, wanted, SPAN)
    assert found == {
        "tint": pytest.approx(0.5),
        "tint_red": pytest.approx(0.15),
        "tint_green": pytest.approx(-0.06),
        "tint_blue": pytest.approx(0.0),
    }
    of_pairs = tint(made, wanted, SPAN, pairs=True)
    assert of_pairs["tint"] == pytest.approx(0.15 * 255), "outputs are off by the same each"
    grey = tint(flat(0.2, 0.4), flat(0.0, 0.0), (0.0, 1.0))
    assert grey == {"tint": pytest.approx(0.3 * 255), "tint_grey": pytest.approx(0.3)}
    assert tint(flat(0.1, channels=2), flat(0.1, channels=2), SPAN) == {}


def test_an_energy_distance_by_hand() -> None:
    places = torch.tensor([[0.0], [1.0], [10.0], [13.0]], dtype=torch.float64)
    ways = torch.tensor([[1.0, 1, 0, 0], [1, 0, 1, 0]], dtype=torch.float64)
    found = energy(torch.cdist(places, places), ways)
    assert found.tolist() == pytest.approx([2 * 11 - 1 - 3, 2 * (1 + 13 + 9 + 3) / 4 - 10 - 12])


def test_a_manner_by_hand() -> None:
    x = torch.zeros(1, 1, 9, 9)
    x[..., 4:] = 1.0
    shares, slopes = manner(x, (0.0, 1.0))
    assert shares[0].tolist() == pytest.approx([4 / 9] + [0.0] * 14 + [5 / 9])
    assert slopes.view(4, 4).tolist() == [[0.0, 0.5, 0.0, 0.0]] * 4  # one of each cell's 2 columns
    again = manner(2 * x - 1, SPAN)
    assert torch.equal(again[0], shares)
    assert torch.equal(again[1], slopes)


@pytest.mark.parametrize("pairs", [True, False])
def test_what_translators_do_shows(digits: Tensor, pairs: bool) -> None:
    given = digits[:128]
    wanted = coloured(given if pairs else digits[128:256])
    crossing = Crossing(given.expand(-1, 3, -1, -1), wanted, SPAN, pairs)
    ways = {
        "sound": coloured(given) + 0.02,
        "same": wanted[:1].expand(128, -1, -1, -1),
        "back": given.expand(-1, 3, -1, -1),
        "tinted": coloured(given) - torch.tensor([0.4, 0.0, 0.0]).view(1, 3, 1, 1),
    }
    found = {name: crossing.signs(made, made[:32].roll(1, 0)) for name, made in ways.items()}
    assert found["same"]["heeded"] == 0.0
    assert found["sound"]["heeded"] == pytest.approx(1.0, abs=0.1)
    assert found["back"]["heeded"] > 0.9
    assert found["back"]["changed"] == 0.0
    assert abs(found["back"]["nearer"]) < 1e-6
    assert min(found[name]["changed"] for name in ("sound", "same", "tinted")) > 0.9
    assert found["sound"]["nearer"] > 0.9
    assert abs(found["sound"]["tint_red"]) < 0.03
    assert found["tinted"]["tint_red"] < -0.1
    assert found["tinted"]["tint"] > 1
    assert ("sides_apart" in found["sound"]) is not pairs
    assert ("own_target" in found["sound"]) is pairs
    if pairs:
        assert found["sound"]["own_target"] < 0.1
        other = crossing.signs(ways["sound"].roll(5, 0), ways["sound"][:32])
        assert other["own_target"] == pytest.approx(1.0, abs=0.03)
    if not pairs:
        assert found["sound"]["sides_apart"] > 10


def test_of_sides_that_hardly_differ_nobody_says_what_is_nearer(digits: Tensor) -> None:
    crossing = Crossing(digits[:128], digits[128:256], SPAN)
    found = crossing.signs(digits[:128], digits[:32].roll(1, 0))
    assert found["changed"] == 0.0
    assert found["sides_apart"] < 2
    softer = Crossing(digits[:128], 0.8 * digits[128:256], SPAN)
    assert softer.signs(digits[:128], digits[:32].roll(1, 0))["sides_apart"] > 2


@pytest.mark.parametrize("count", [4, 8, 16])
def test_pictures_of_a_shorter_side_count_once(digits: Tensor, count: int) -> None:
    """Repeated to the length of the other one it is no more evidence."""
    short = digits[:count].repeat(128 // count, 1, 1, 1)
    seen = looking.Crossing(short, digits[128:256], SPAN)
    found = seen.signs(short, short[:32].roll(1, 0))
    assert found["sides_apart"] < 2
    assert looking.Crossing(digits[128:256], short, SPAN).signs(
        digits[128:256], digits[128:160].roll(1, 0)
    )["sides_apart"] == pytest.approx(found["sides_apart"], rel=0.5)


def test_what_shows_is_cut_off_at_the_ends_of_the_range(digits: Tensor) -> None:
    crossing = Crossing(digits[:64], digits[64:128], SPAN)
    beyond = 5.0 + digits[:64]
    found = crossing.signs(beyond, beyond[:32].roll(1, 0))
    assert found["heeded"] == 0.0, "all of it is white"
    assert 0 < found["tint_grey"] < 1
    assert crossing.signs(beyond / 0.0, beyond[:32]) == {}


def test_inputs_that_are_all_the_same_cannot_be_heeded(digits: Tensor) -> None:
    one = digits[:1].expand(64, -1, -1, -1)
    found = Crossing(one, digits[64:128], SPAN).signs(digits[:64], digits[:32])
    assert "heeded" not in found
    assert "changed" not in found
    assert "tint" in found


def test_it_is_open_to_all_loops() -> None:
    assert "Crossing" in looking.__all__
