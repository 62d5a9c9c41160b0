"""The loop: whose turn it is, what is logged and saved, advice, and how it ends."""

import errno

import pytest
import torch

from gansmith.engine import bf16_works
from gansmith.errors import UserError
from gansmith.training import Advice, schedule
from gansmith.training.checkpoint import read_latest
from gansmith.training.loop import Clock, play, replan, save_is_due
from gansmith.training.state import CONTROLS


def weights(net: torch.nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in net.parameters()]


def same(one: list, other: list) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def one_step(run, task=None):
    now = schedule.at(run.cfg, run.state.images, run.state.total_images)
    return play(run.engine, run.cfg, task or run.task, run.state, run.batches, now)


class Watched:
    """A task that looks at both nets whenever it is asked for terms."""

    def __init__(self, run) -> None:
        self.run, self.seen, self.players = run, {}, run.task.players

    def d_terms(self, micro, controls):
        self.look("D")
        return self.run.task.d_terms(micro, controls)

    def g_terms(self, micro, controls):
        self.look("G")
        return self.run.task.g_terms(micro, controls)

    def look(self, turn) -> None:
        G, D = self.run.state.G.bare, self.run.state.D.bare
        self.seen[turn] = {
            "G": weights(G),
            "D": weights(D),
            "G asks": any(p.requires_grad for p in G.parameters()),
            "D asks": any(p.requires_grad for p in D.parameters()),
            "grad G": [p.grad for p in G.parameters()],
            "grad D": [None if p.grad is None else p.grad.clone() for p in D.parameters()],
        }


def test_each_player_moves_alone(make):
    run = make()
    watched = Watched(run)
    one_step(run, watched)
    before, between = watched.seen["D"], watched.seen["G"]
    assert not same(before["D"], between["D"]), "D has moved"
    assert same(before["G"], between["G"]), "D's step leaves G alone"
    assert same(between["D"], weights(run.state.D.bare)), "G's step leaves D alone"
    assert not same(between["G"], weights(run.state.G.bare)), "G has moved"


def test_only_the_weights_whose_turn_it_is_ask_for_gradients(make):
    run = make()
    watched = Watched(run)
    one_step(run, watched)
    before, between = watched.seen["D"], watched.seen["G"]
    assert (before["G asks"], before["D asks"]) == (False, True)
    assert (between["G asks"], between["D asks"]) == (True, False)
    assert all(grad is None for grad in between["grad G"]), "D's gradients do not leak to G"
    after = [p.grad for p in run.state.D.bare.parameters()]
    assert same(between["grad D"], after), "nor G's to D"
    for net in (run.state.G.bare, run.state.D.bare):
        assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("loss", ["rpgan", "ns"])
def test_gradients_of_micro_batches_add_up_to_those_of_the_batch(make, loss):
    runs = []
    for accumulate in (1, 2, 8):
        run = make(
            {
                "accumulate": accumulate,
                "loss": loss,
                "penalty.share": 1.0,
                "optim.d_ratio": 1e-9,  # so that G meets the same D
                "augment.flip": True,
                "model.conditional": True,
            },
            name=str(accumulate),
        )
        signals = one_step(run)
        runs.append((run, {key: float(value) for key, value in signals.items()}))
    (whole, signals), *others = runs
    for other, found in others:
        assert found == pytest.approx(signals, rel=1e-4, abs=1e-5)
        for one, two in ((whole.state.D, other.state.D), (whole.state.G, other.state.G)):
            for p, q in zip(one.bare.parameters(), two.bare.parameters(), strict=True):
                torch.testing.assert_close(p.grad, q.grad, rtol=1e-4, atol=1e-6)


def test_the_schedule_reaches_the_optimisers(make):
    run = make({"optim.d_ratio": 0.5, "optim.beta1": 0.3})
    run.state.controls["lr"] = 0.1
    run.state.images = 40
    one_step(run)
    now = schedule.at(run.cfg, 40, 96)
    for player, ratio in ((run.state.D, 0.5), (run.state.G, 1.0)):
        (group,) = player.optimizer.param_groups
        assert group["lr"] == pytest.approx(now.lr * 0.1 * ratio)
        assert group["betas"] == (0.3, now.beta2)


def test_the_first_step_of_adam_is_the_equation(make):
    run = make({"optim.warmup": 0.0, "optim.beta1": 0.0})
    before = weights(run.state.D.bare)
    one_step(run)
    for old, p in zip(before, run.state.D.bare.parameters(), strict=True):
        step = 2e-3 * p.grad / (p.grad.abs() + 1e-8)  # m̂ = g, v̂ = g²
        torch.testing.assert_close(p.detach(), old - step, rtol=1e-4, atol=1e-6)


def test_what_is_written_and_when(make):
    run = make({"save_every": 5, "sample_every": 4, "log_every": 3, "keep": 99})
    assert run.play() == "budget"
    assert [record["step"] for record in run.of("step")] == [1, 3, 6, 9, 12]
    assert [record["step"] for record in run.of("save")] == [0, 5, 10, 12]
    assert run.saved == [5, 10, 12]
    assert run.sheets == [record["step"] for record in run.of("sample")] == [0, 4, 8, 12]
    assert run.of("sample")[1] == {
        "kind": "sample",
        "step": 4,
        "images": 32,
        "file": "step-00000004.png",
    }
    (end,) = run.of("end")
    assert (end["step"], end["images"], end["why"]) == (12, 96, "budget")
    names = sorted(path.name for path in (run.out / "checkpoints").iterdir())
    assert names == [f"step-{step:08d}" for step in (0, 5, 10, 12)]


def test_a_step_record_says_what_held(make):
    run = make({"log_every": 1})
    run.play(until=3)
    record = run.of("step")[1]
    now = schedule.at(run.cfg, 8, 96)
    assert (record["step"], record["images"]) == (2, 16)
    assert record["lr"] == now.lr
    assert record["gamma"] == now.gamma
    assert record["beta2"] == now.beta2
    assert record["ema"] == now.ema_decay
    assert record["images_per_second"] > 0
    total = record["adversarial_d"] + record["r1"] + record["r2"]
    assert record["d_loss"] == pytest.approx(total, rel=1e-4)
    assert record["g_loss"] == record["adversarial_g"]
    assert {"grad_real", "grad_fake", "d_real", "d_fake"} <= set(record)


def test_an_unlogged_step_is_trained_like_a_logged_one(make):
    often = make({"log_every": 1, "sample_every": 1, "save_every": 1}, name="often")
    often.play()
    seldom = make({"log_every": 100}, name="seldom")
    seldom.play()
    one, other = often.everything(), seldom.everything()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_stop_saves_where_it_stopped(make):
    run = make()
    assert run.play(until=7) == "interrupt"
    assert run.of("end")[0]["why"] == "interrupt"
    assert read_latest(run.out / "checkpoints")[0].meta["step"] == 7
    assert run.saved == [7]


def test_a_run_that_is_done_stays_as_it_is(make):
    make().play()
    run = make(resumed=True)
    before = run.everything()
    assert run.play() == "budget"
    assert run.of("step") == []
    assert all(torch.equal(before[key], value) for key, value in run.everything().items())
    assert run.saved == [12], "the generator may be missing: it is written again"


# Advice


def double_at(step: int, control: str = "gamma"):
    def adviser(now, signals):
        assert {"d_loss", "g_loss"} <= set(signals)
        return (Advice(control, 2.0, "the test says so"),) if now == step else None

    return adviser


def test_advice_is_logged_and_followed_and_survives_a_resume(make):
    straight = make({"log_every": 1}, name="straight")
    straight.play(advisers=(double_at(3),))
    assert straight.of("advice") == [
        {
            "kind": "advice",
            "step": 3,
            "control": "gamma",
            "old": 1.0,
            "new": 2.0,
            "why": "the test says so",
        }
    ]
    for record in straight.of("step"):
        factor = 2.0 if record["step"] > 3 else 1.0
        now = schedule.at(straight.cfg, record["images"] - 8, 96)
        assert record["gamma"] == pytest.approx(now.gamma * factor)

    make({"log_every": 1}, name="broken").play(until=5, advisers=(double_at(3),))
    resumed = make({"log_every": 1}, name="broken", resumed=True)
    assert resumed.state.controls == CONTROLS | {"gamma": 2.0}
    resumed.play()
    plain = make({"log_every": 1}, name="plain")
    plain.play()
    one, two, three = (run.everything() for run in (straight, resumed, plain))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not all(torch.equal(one[key], three[key]) for key in one)


def test_the_log_tells_the_rate_that_was_used(make):
    run = make({"log_every": 1})
    run.play(advisers=(double_at(3, "lr"),))
    for record in run.of("step"):
        factor = 2.0 if record["step"] > 3 else 1.0
        now = schedule.at(run.cfg, record["images"] - 8, 96)
        assert record["lr"] == pytest.approx(now.lr * factor)
    assert run.state.G.optimizer.param_groups[0]["lr"] == pytest.approx(run.of("step")[-1]["lr"])


def test_a_larger_gamma_makes_a_larger_penalty(make):
    plain, advised = make(name="plain"), make(name="advised")
    advised.state.controls["gamma"] = 4.0
    a, b = one_step(plain), one_step(advised)
    assert float(b["r1"]) == pytest.approx(4.0 * float(a["r1"]), rel=1e-5)


# Ends


def test_without_a_penalty_no_larger_one_is_advised(make):
    run = make({"optim.lr": 1e30, "log_every": 1, "penalty.gamma": 0.0})
    with pytest.raises(UserError, match=r"try half the rate .*; the last good") as caught:
        run.play()
    assert "penalty" not in str(caught.value)


@pytest.mark.parametrize("log_every", [1, 100])
def test_divergence_is_one_clear_line_and_what_was_good_stays(make, log_every):
    run = make({"optim.lr": 1e30, "log_every": log_every, "save_every": 2, "keep": 9})
    with pytest.raises(UserError) as caught:
        run.play()
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("training diverged by step ")
    assert "--set optim.lr=5e+29" in text
    assert "--set penalty.gamma=1" in text
    saved, problems = read_latest(run.out / "checkpoints")
    assert problems == []
    assert saved.meta["step"] < run.state.step or run.state.step <= 2
    for group in saved.tensors.values():
        assert all(bool(torch.isfinite(value).all()) for value in group.values())
    assert run.of("end") == []


def test_weights_that_are_no_numbers_are_never_saved(make):
    run = make({"save_every": 1})

    def spoil(step, signals):
        if step == 2:
            next(run.state.G.bare.parameters()).data.fill_(torch.nan)

    with pytest.raises(UserError, match="training diverged by step 2: a weight or a moment"):
        run.play(advisers=(spoil,))
    assert read_latest(run.out / "checkpoints")[0].meta["step"] == 1


def test_a_sheet_that_cannot_be_drawn_is_one_clear_line(make):
    run = make({"sample_every": 3, "save_every": 2})

    def full(state):
        if state.step:
            raise OSError(errno.ENOSPC, "No space left on device")
        return "step-00000000.png"

    with pytest.raises(UserError, match=r"^could not draw the samples of step 3: no space left on"):
        run.play(sample=full)
    assert read_latest(run.out / "checkpoints")[0].meta["step"] == 2


# A GPU, where there is one


@pytest.mark.gpu
def test_a_gpu_plays_the_same_game_as_a_cpu(make):
    here, there = make(name="cpu"), make({"device": "cuda"}, name="cuda")
    for step in range(4):
        one, other = one_step(here), one_step(there)
        here.state.step = there.state.step = step + 1
        for key in one:
            assert float(other[key]) == pytest.approx(float(one[key]), rel=2e-2, abs=2e-3), key


@pytest.mark.gpu
def test_half_precision_trains_on_a_gpu(make):
    run = make({"device": "cuda", "precision": "bf16"})
    if run.engine.precision != "bf16":
        pytest.skip("this GPU has no bf16")
    assert run.play() == "budget"
    assert run.state.finite()
    assert all(value.dtype != torch.bfloat16 for value in run.everything().values())


def test_what_stops_the_clock_is_no_training(make):
    run = make()
    run.state.seconds = 5.0
    clock = Clock(run.state)
    with clock.stopped():
        clock._last -= 100.0  # a hundred seconds go by
    assert clock.tick() < 50.0


def test_a_run_is_evaluated_every_so_often_and_at_its_end(make):
    run = make({"evaluate.every": 5})
    run.play()
    assert run.evaluated == [5, 10, 12]
    never = make(name="never")
    never.play()
    assert never.evaluated == []


class Diary:
    def __init__(self) -> None:
        self.records = []

    def write(self, kind, **fields):
        self.records.append({"kind": kind} | fields)


def test_a_machine_that_became_busy_gets_a_new_plan_and_one_thread(make, tmp_path):
    run = make({"budget": "100s"})
    state, diary = run.state, Diary()
    state.images, state.seconds, state.total_images, state.best_speed = 800, 20.0, 4000, 50.0
    torch.set_num_threads(2)
    try:
        replan(run.cfg, state, diary, speed=40.0)  # a little slower: the plan alone
        assert (state.total_images, state.threads, torch.get_num_threads()) == (4000, 0, 2)
        replan(run.cfg, state, diary, speed=10.0)
        assert state.total_images == 800 + 80 * 10
        assert (state.threads, torch.get_num_threads()) == (1, 1)
    finally:
        torch.set_num_threads(1)
    assert [(record["kind"], record["threads"]) for record in diary.records] == [
        ("plan", 2),
        ("plan", 1),
    ]
    assert "busy" in diary.records[-1]["why"]
    state.save(tmp_path, keep=1)
    other = make({"budget": "100s"}).state
    other.restore(read_latest(tmp_path)[0])
    assert (other.threads, other.best_speed, other.total_images) == (1, 50.0, 1600)


def test_threads_that_were_asked_for_stay(make):
    run = make({"budget": "100s"})
    state, diary = run.state, Diary()
    state.images, state.seconds, state.total_images = 800, 20.0, 4000
    torch.set_num_threads(2)
    try:
        for speed in (40.0, 1.0):
            replan(run.cfg, state, diary, speed)
        assert (state.threads, torch.get_num_threads(), state.best_speed) == (0, 2, 0.0)
    finally:
        torch.set_num_threads(1)


def test_a_budget_in_seconds_is_saved_by_the_clock_too_and_one_in_steps_never(make):
    for budget, due in (("24s", True), ("12-steps", False)):
        run = make({"budget": budget, "save_every": 100})
        clock = Clock(run.state)
        run.state.step = 1
        assert not save_is_due(run.cfg, run.state, clock)
        clock._last -= 6.0  # six seconds ago
        assert save_is_due(run.cfg, run.state, clock) is due
        run.state.step = 100
        assert save_is_due(run.cfg, run.state, clock)


def test_bf16_takes_the_slope_of_d(make):
    """Gradients within the loss, through autocast: what the default does on a GPU."""
    if not bf16_works("cpu"):
        pytest.skip("bf16 products kill the process here, or fail")
    half, full = (
        make({"precision": each, "penalty.name": "r1+r2"}, name=each) for each in ("bf16", "fp32")
    )
    assert half.play() == full.play() == "budget"
    for one, other in zip(half.of("step"), full.of("step"), strict=True):
        assert one["r1"] == pytest.approx(other["r1"], rel=0.3)
    weights = half.state.D.bare.parameters()
    assert {p.dtype for p in weights} == {torch.float32}
