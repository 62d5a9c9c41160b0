"""Who moves when: rounds, n-to-1, looking ahead and back, clipping, lazy penalties, averages."""

import pytest
import torch

from gansmith.config import build, nest
from gansmith.errors import UserError
from gansmith.tasks import Controls
from gansmith.training import OPTIMISERS, State, planned_images, schedule
from gansmith.training.checkpoint import read_latest
from gansmith.training.loop import play
from gansmith.training.moves import rounds


def one_step(run, task=None):
    now = schedule.at(run.cfg, run.state.images, run.state.total_images)
    signals = play(run.engine, run.cfg, task or run.task, run.state, run.batches, now)
    run.state.step += 1
    run.state.images += schedule.images_per_step(run.cfg)
    return signals


def weights(net):
    return [p.detach().clone() for p in net.parameters()]


def close(one, other, **within):
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, **within)


class Spy:
    """A task that writes down who was asked, with which controls, and hears of no change."""

    def __init__(self, run) -> None:
        self.run, self.players, self.asked = run, run.task.players, []

    def d_terms(self, micro, controls):
        self.asked.append(("D", controls, micro))
        return self.run.task.d_terms(micro, controls)

    def g_terms(self, micro, controls):
        self.asked.append(("G", controls, micro))
        return self.run.task.g_terms(micro, controls)

    def of(self, side):
        return [controls for player, controls, _ in self.asked if player == side]

    def steps(self, side, most):
        """Which of the player's steps each batch it was shown belongs to."""
        known = [self.run.batches.at(step, side)[0] for step in range(most)]
        return [
            next(
                step
                for step, each in enumerate(known)
                if torch.equal(micro.real, each.real) and torch.equal(micro.noise_BZ, each.noise_BZ)
            )
            for player, _, micro in self.asked
            if player == side
        ]


D0, D1, D2, G0, G1 = ("D", 0), ("D", 1), ("D", 2), ("G", 0), ("G", 1)


@pytest.mark.parametrize(
    ("name", "d_steps", "g_steps", "expected"),
    [
        ("alternating", 1, 1, [[D0], [G0]]),
        ("alternating", 3, 2, [[D0], [D1], [D2], [G0], [G1]]),
        ("simultaneous", 1, 1, [[D0, G0]]),
        ("simultaneous", 3, 1, [[D0], [D1], [D2, G0]]),
        ("extragradient", 1, 2, [[G0], [D0, G1]]),
    ],
)
def test_rounds(name, d_steps, g_steps, expected):
    settings = {"optim.play": name, "optim.d_steps": d_steps, "optim.g_steps": g_steps}
    assert rounds(build(nest(settings.items())).optim, ("D", "G")) == expected


def test_a_player_alone_moves_alone():
    for name in ("alternating", "simultaneous", "extragradient"):
        assert rounds(build(nest([("optim.play", name)])).optim, ("G",)) == [[G0]]


@pytest.mark.parametrize("name", ["alternating", "simultaneous", "extragradient"])
def test_n_to_1_reads_n_batches_one_after_the_other(make, name):
    run = make({"optim.d_steps": 3, "optim.g_steps": 2, "optim.play": name, "penalty.every": 4})
    spy = Spy(run)
    assert run.state.total_images == 12 * 8 * 3
    for _ in range(2):
        one_step(run, spy)
    assert run.state.images == 2 * 8 * 3
    times = 2 if name == "extragradient" else 1  # of one and the same batch
    seen = {side: spy.steps(side, 7) for side in ("D", "G")}
    assert sorted(seen["D"]) == sorted([*range(6)] * times)
    assert sorted(seen["G"]) == sorted([*range(4)] * times)
    gammas = {step: c.gamma for step, c in zip(seen["D"], spy.of("D"), strict=True)}
    assert [step for step, gamma in gammas.items() if gamma] == [0, 4]
    later = schedule.at(run.cfg, 24, run.state.total_images)
    assert gammas[0] == 4 * 0.5
    assert gammas[4] == pytest.approx(4 * later.gamma)


def test_every_count_of_images_knows_of_d_steps(make):
    run = make({"optim.d_steps": 3})
    run.play()
    assert (run.state.step, run.state.images) == (12, 288)
    assert planned_images(run.cfg.budget, schedule.images_per_step(run.cfg), 0.0) == 288
    seen = [record["images"] for record in run.of("step")]
    assert seen == [24, 288]
    once = schedule.at(make(name="once").cfg, 0, 1000).ema_decay
    assert schedule.at(run.cfg, 0, 1000).ema_decay == pytest.approx(once)


def test_simultaneous_is_two_gradients_at_the_same_weights(make):
    settings = {"optim.name": "sgd", "optim.warmup": 0.0}
    turns = make(settings, "turns")
    still = make(settings | {"optim.d_ratio": 1e-12}, "still")  # G answers D's first weights
    together = make(settings | {"optim.play": "simultaneous"}, "together")
    for run in (turns, still, together):
        one_step(run)
    D, G = weights(together.state.D.bare), weights(together.state.G.bare)
    close(D, weights(turns.state.D.bare), rtol=0, atol=0)
    close(G, weights(still.state.G.bare), rtol=1e-5, atol=1e-7)
    answered = weights(turns.state.G.bare)
    assert not all(torch.equal(a, b) for a, b in zip(G, answered, strict=True))


def test_extragradient_by_hand(make):
    """w − η·F(w − η·F(w)), with F from simultaneous steps of the same run."""
    settings = {
        "optim.name": "sgd",
        "optim.warmup": 0.0,
        "optim.lr": 0.01,
        "optim.lr_final_ratio": 1,
    }
    run = make(settings | {"optim.play": "extragradient"}, "run")
    other = make(settings | {"optim.play": "simultaneous"}, "other")
    nets = [player.bare for player in other.state.players.values()]
    start = [weights(net) for net in nets]
    one_step(other)
    half = [weights(net) for net in nets]
    other.state.step = other.state.images = 0  # the same batch once more
    one_step(other)
    one_step(run)
    for net, player, w, w_half in zip(nets, run.state.players.values(), start, half, strict=True):
        moved = [p - h for p, h in zip(weights(net), w_half, strict=True)]
        close(
            weights(player.bare),
            [a + b for a, b in zip(w, moved, strict=True)],
            rtol=1e-4,
            atol=1e-6,
        )


def test_extragradient_counts_two_gradients_in_its_moments(make):
    run = make({"optim.play": "extragradient"})
    one_step(run)
    for player in run.state.players.values():
        steps = {float(slot["step"]) for slot in player.optimizer.state.values()}
        assert steps == {2.0}


def test_clipped_weights_stay_in_the_box_and_those_of_g_do_not(make):
    run = make({"optim.clip": 0.01, "optim.play": "extragradient"})
    one_step(run)
    assert max(float(p.detach().abs().max()) for p in run.state.D.bare.parameters()) <= 0.01
    assert max(float(p.detach().abs().max()) for p in run.state.G.bare.parameters()) > 0.01


def test_looking_back_by_hand(make):
    plain, run = make(name="plain"), make({"optim.lookahead": 3, "optim.lookahead_rate": 0.25})
    start = {side: weights(player.bare) for side, player in run.state.players.items()}
    for _ in range(2):
        one_step(run)
        one_step(plain)
    for side, player in run.state.players.items():
        close(list(player.slow.values()), start[side], rtol=0, atol=0)
    one_step(run)
    one_step(plain)
    for side, player in run.state.players.items():
        fast = weights(plain.state.players[side].bare)
        expected = [s + 0.25 * (f - s) for s, f in zip(start[side], fast, strict=True)]
        close(weights(player.bare), expected, rtol=1e-6, atol=1e-7)
        close(list(player.slow.values()), weights(player.bare), rtol=0, atol=0)
    one_step(run)
    assert any(
        not torch.equal(p, s)
        for p, s in zip(run.state.G.bare.parameters(), run.state.G.slow.values(), strict=True)
    )


def test_averages_of_the_outputs_are_kept_where_they_are_asked_for(make):
    run = make({"penalty.lecam": 0.3, "optim.d_steps": 2, "optim.g_steps": 1})
    spy = Spy(run)
    told = []

    class Told(Spy):
        def d_terms(self, micro, controls):
            terms, signals = super().d_terms(micro, controls)
            told.append({key: float(signals[key]) for key in ("d_real", "d_fake")})
            return terms, signals

    spy = Told(run)
    one_step(run, spy)
    one_step(run, spy)
    assert spy.of("D")[0] == Controls(gamma=0.5)
    for key in ("d_real", "d_fake"):
        expected = told[0][key]
        assert getattr(spy.of("D")[1], key) == expected, "the first values count in full"
        for each in told[1:]:
            expected = 0.99 * expected + 0.01 * each[key]
        assert run.state.outputs[key] == pytest.approx(expected, rel=1e-6)
    never = make(name="never")
    one_step(never)
    assert never.state.outputs == {}


def test_instance_noise_falls_along_a_line(make):
    run = make({"instance_noise.sigma": 0.8, "instance_noise.final_ratio": 0.25})
    for images, expected in ((0, 0.8), (48, 0.5), (96, 0.2)):
        assert schedule.at(run.cfg, images, 96).sigma == pytest.approx(expected)
    spy = Spy(run)
    run.state.images = 48
    one_step(run, spy)
    assert {c.sigma for _, c, _ in spy.asked} == {0.5}


def test_signals_are_those_of_the_last_inner_step(make):
    run, spied = make({"optim.d_steps": 3}, "run"), []

    class Told(Spy):
        def d_terms(self, micro, controls):
            terms, signals = super().d_terms(micro, controls)
            spied.append(float(terms["adversarial"].detach()))
            return terms, signals

    signals = one_step(run, Told(run))
    assert len(spied) == 3
    assert float(signals["adversarial_d"]) == spied[-1] != spied[0]


def test_a_lazy_penalty_is_shown_as_it_last_was(make):
    run = make({"penalty.every": 5, "log_every": 1})
    run.play(until=3)
    first, second, third = (record["r1"] for record in run.of("step"))
    assert first == second == third > 0


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


PLAYS = [
    {"optim.play": "simultaneous"},
    {"optim.play": "extragradient", "optim.beta1": 0.5, "accumulate": 2},
    {"optim.lookahead": 3, "optim.d_steps": 2, "penalty.every": 3, "penalty.lecam": 0.1},
    {"optim.play": "extragradient", "optim.lookahead": 4, "optim.clip": 0.05, "optim.g_steps": 2},
]
ALL = [{"optim.name": name, "optim.beta1": 0.3} for name in OPTIMISERS] + PLAYS


@pytest.mark.parametrize("changes", ALL, ids=str)
def test_stopping_and_resuming_changes_no_bit(make, changes):
    changes = {"budget": "8-steps", "optim.lr": 1e-3} | changes
    straight = make(changes, "straight")
    before = straight.everything()
    assert straight.play() == "budget"
    after = straight.everything()
    for group in ("G/", "D/", "ema/"):
        moved = [key for key in before if key.startswith(group)]
        assert any(not torch.equal(before[key], after[key]) for key in moved)
    first = make(changes, "broken")
    assert first.play(until=5) == "interrupt"
    second = make(changes, "broken", resumed=True)
    assert equal(first.everything(), second.everything())
    assert second.play() == "budget"
    assert equal(after, second.everything())
    assert second.place() == straight.place()
    assert second.state.outputs == straight.state.outputs
    assert len(second.state.outputs) == (2 if "penalty.lecam" in changes else 0)
    assert ("slow_D" in second.state.tensors()) is ("optim.lookahead" in changes)
    assert straight.state.finite()


def test_a_task_without_d_plays_and_resumes(make):
    class Alone:
        """G is drawn to 0."""

        players = ("G",)

        def __init__(self, G):
            self.G = G

        def g_terms(self, micro, controls):
            return {"reconstruction": self.G(micro.noise_BZ, micro.labels_B).square().mean()}, {}

    def alone(name, until=None):
        run = make(name=name)
        run.state = State.fresh(run.engine, run.cfg, run.state.G.bare)
        run.state.total_images, run.task = 96, Alone(run.state.G.net)
        return run

    straight, broken = alone("straight"), alone("broken")
    assert straight.play() == "budget"
    with pytest.raises(LookupError, match="no D"):
        _ = straight.state.D
    assert set(straight.state.tensors()) == {"G", "ema", "optim_G"}
    assert "g_loss" in straight.of("step")[-1]
    broken.play(until=4)
    again = alone("broken")
    again.state.restore(read_latest(again.out / "checkpoints")[0])
    again.play()
    assert equal(straight.everything(), again.everything())
    several = make({"optim.d_steps": 2}, "several")
    with pytest.raises(UserError, match=r"^optim\.d_steps and optim\.g_steps are of two players"):
        State.fresh(several.engine, several.cfg, several.state.G.bare)


def test_a_penalty_that_is_off_is_no_advice(make):
    run = make({"optim.lr": 1e30, "penalty.name": "none", "log_every": 1})
    with pytest.raises(UserError, match="training diverged") as caught:
        run.play()
    assert "penalty" not in str(caught.value)
