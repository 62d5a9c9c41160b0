"""What is set before the first step: only what the lint finds, and only what a control is about."""

import pytest

from gansmith.doctor.findings import Finding
from gansmith.doctor.prescription import ABOUT, UNHELD, prescribed
from gansmith.training.state import CONTROLS

FAR = {"lr": 0.01, "gamma": 1e-4, "lr_D": 500.0}


def found(*codes):
    return [Finding(code) for code in codes]


def test_only_what_is_found_is_set():
    assert prescribed(found("GS224", "GS231"), FAR) == ({"lr": 0.01}, ["GS224"])
    assert prescribed(found("GS241", "GS223"), FAR) == (
        {"gamma": 1e-4, "lr_D": 500.0},
        ["GS223", "GS241"],
    )
    assert prescribed([], FAR) == ({}, [])


def test_a_finding_that_is_near_to_what_is_usual_sets_nothing():
    """The recipe says so itself: the lint holds it against rules, not against the recipe."""
    assert prescribed(found("GS224"), {"gamma": 0.1}) == ({}, [])


@pytest.mark.parametrize(
    ("far", "all_of_it"),
    [
        ({"gamma_least": 0.4}, True),
        ({"gamma_least": 0.4, "lr": 0.1}, True),
        ({"gamma_least": 0.4, "lr": 0.4}, False),
        ({"gamma_least": 0.4, "lr": 50.0}, False),
        ({"gamma_least": 0.4, "lr_D": 0.25, "d_steps": -4.0}, True),
        ({"gamma_least": 0.4, "d_steps": -2.0}, True),
    ],
)
def test_a_free_discriminator_is_held_and_slowed_where_it_is_fast(far, all_of_it):
    held = far if all_of_it else {"gamma_least": 0.4}
    assert prescribed(found(UNHELD), far) == (held, [UNHELD])


def test_every_control_of_the_table_is_one():
    for names in ABOUT.values():
        assert set(names) <= CONTROLS.keys()
