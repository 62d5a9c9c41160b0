"""Which resolution and channels are decided, and the words for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.decode import Look
from gansmith.data.info import Wish
from gansmith.data.plan import SIDES, Survey, decide, survey


def plan_of(sizes, grey=False, **wish):
    return decide(survey([Look(h, w, grey) for h, w in sizes]), Wish(**wish))


@pytest.mark.parametrize(
    ("sizes", "resolution"),
    [
        ([(28, 28)], (28, 28)),
        ([(32, 32)], (32, 32)),
        ([(48, 64)] * 3, (48, 64)),  # one size that a model can have stays as it is
        ([(8, 8)], (8, 8)),
        ([(4, 4)], (8, 8)),  # nothing smaller is trained
        ([(50, 50)], (48, 48)),
        ([(218, 178)] * 3, (128, 128)),
        ([(64, 64), (65, 65)], (64, 64)),
        ([(3000, 2000), (2000, 3000)], (256, 256)),
        ([(100, 70), (60, 300), (1000, 1000)], (64, 64)),  # the median shorter side is 70
    ],
)
def test_the_resolution_comes_from_the_sizes(sizes, resolution):
    plan, notes = plan_of(sizes)
    assert (plan.height, plan.width) == resolution
    assert notes[0].startswith(f"resolution {resolution[0]}x{resolution[1]}: ")


def test_channels_come_from_the_colours():
    assert plan_of([(32, 32)], grey=True)[0].channels == 1
    assert plan_of([(32, 32)], grey=False)[0].channels == 3
    mixed = survey([Look(32, 32, True), Look(32, 32, False)])
    assert decide(mixed, Wish())[0].channels == 3


def test_a_wish_wins_and_needs_no_note():
    plan, notes = plan_of([(28, 28)], resolution=(40, 64), channels=3, crop="pad")
    assert (plan.shape, plan.crop, notes) == ((3, 40, 64), "pad", ())


@given(st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 4000)), min_size=1, max_size=20))
def test_every_decision_can_be_built(sizes):
    plan, _ = plan_of(sizes)
    for side in (plan.height, plan.width):
        assert side in SIDES
        base = side
        while base % 2 == 0 and base > 7:
            base //= 2
        assert base <= 7  # base * 2^k


def test_a_survey_survives_json_and_refuses_the_rest():
    seen = survey([Look(30, 20, True)])
    assert seen == Survey(1, 20, 30, 20, True)
    assert Survey.from_tree(seen.to_tree()) == seen
    assert Survey.from_tree({"looked": 1}) is None
    assert Survey.from_tree(None) is None
