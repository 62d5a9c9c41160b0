"""What advice can do to a run: its controls, another start for units, a step back, a rescue."""

from dataclasses import replace

import pytest
import torch

from gansmith.apps.setting_up import describe_generator, new_state
from gansmith.errors import UserError
from gansmith.models.units import watched
from gansmith.training import Advice, Hand, Hooks, Log, Revive, Rollback, schedule, train
from gansmith.training.checkpoint import folders, read_latest, step_of
from gansmith.training.loop import play
from gansmith.training.moves import EXTRA, held, rounds, turn_of
from gansmith.training.revival import revive
from gansmith.training.state import CONTROLS, State

MLP = {"model.name": "mlp", "model.width": 12, "model.depth": 2, "model.g.activation": "relu"}


def now_of(run):
    return schedule.at(run.cfg, run.state.images, run.state.total_images)


def weights(net):
    return [p.detach().clone() for p in net.parameters()]


def fresh_of(run):
    def fresh(step):
        cfg = run.cfg.model_copy(update={"seed": 1000 + step})
        with torch.random.fork_rng(devices=[]):
            _, state = new_state(cfg, run.engine, describe_generator(run.cfg, run.data.info))
        return {side: player.bare.state_dict() for side, player in state.players.items()}

    return fresh


def follow(run, acts):
    log = Log(run.out / "log.jsonl", (run.records.append,))
    folder = run.out / "checkpoints"
    try:
        Hand(run.task, run.state, run.batches, log, folder, fresh_of(run)).follow(acts)
    finally:
        log.close()


# Controls


def test_controls_at_rest_change_no_bit(make):
    run = make({"penalty.gamma": 0.3, "instance_noise.sigma": 0.2})
    now = now_of(run)
    assert held(now, run.state) == now


def test_what_each_control_does(make):
    run = make({"penalty.gamma": 0.5, "optim.d_ratio": 0.5})
    run.state.images, run.state.total_images = 24, 96
    now = now_of(run)
    run.state.controls |= {"gamma": 4.0, "lr": 0.5, "lr_D": 0.1, "sigma": 0.4}
    for side, ratio in (("D", 0.05), ("G", 1.0)):
        turn = turn_of(run.cfg, run.state, run.batches, now, (side, 0))
        (group,) = turn.player.optimizer.param_groups
        assert group["lr"] == pytest.approx(now.lr * 0.5 * ratio)
        assert turn.controls.gamma == pytest.approx(4.0 * now.gamma)
        assert turn.controls.sigma == pytest.approx(0.4 * 0.75), "falls with what is left"


def test_momentum_is_a_control_too(make):
    run = make({"optim.beta1": 0.8})
    run.state.controls["beta1"] = 0.25
    turn = turn_of(run.cfg, run.state, run.batches, now_of(run), ("G", 0))
    assert turn.player.optimizer.param_groups[0]["betas"][0] == pytest.approx(0.2)


def test_a_penalty_that_was_off_can_be_turned_on(make):
    run = make({"penalty.gamma": 0.0})
    assert "r1" not in play(run.engine, run.cfg, run.task, run.state, run.batches, now_of(run))
    run.state.controls["gamma_least"] = 0.5
    signals = play(run.engine, run.cfg, run.task, run.state, run.batches, now_of(run))
    assert float(signals["r1"]) > 0
    later = schedule.at(run.cfg, 96, 96)
    assert held(later, run.state).gamma == pytest.approx(0.05), "it falls as a set one would"


def test_more_steps_of_d_see_what_no_other_step_sees(make):
    run = make({"optim.d_steps": 2})
    assert rounds(run.cfg.optim, ("D", "G"), -1) == [[("D", 0)], [("G", 0)]]
    assert rounds(run.cfg.optim, ("D", "G"), -5) == rounds(run.cfg.optim, ("D", "G"), -1)
    assert rounds(run.cfg.optim, ("D", "G"), 1) == [
        [("D", 0)], [("D", 1)], [("D", 2)], [("G", 0)],
    ]  # fmt: skip
    now, seen = now_of(run), []
    for step in range(6):
        run.state.step = step
        for number in range(3):
            turn = turn_of(run.cfg, run.state, run.batches, now, ("D", number))
            seen.append(turn.micros[0].noise_BZ.flatten().tolist())
    assert len({tuple(each) for each in seen}) == len(seen)
    own = [run.batches.at(step, "D")[0].noise_BZ for step in range(12)]
    assert [torch.tensor(seen[at]).view(8, 6).equal(own[k]) for k, at in enumerate((0, 1))] == [
        True,
        True,
    ]
    assert EXTRA > 10**8


def test_an_advised_step_of_d_moves_d_once_more(make):
    once, twice = make(name="once"), make(name="twice")
    twice.state.controls["d_steps"] = 1.0
    for run in (once, twice):
        play(run.engine, run.cfg, run.task, run.state, run.batches, now_of(run))
    steps = [float(next(iter(r.state.D.optimizer.state.values()))["step"]) for r in (once, twice)]
    assert steps == [1.0, 2.0]


@pytest.mark.parametrize("policy", ["none", "translation"])
def test_the_chance_of_distortions_is_a_share_of_the_images(make, policy):
    run = make({"augment.policy": policy}, shape=(3, 16, 16))
    (plain,), (some,) = run.batches.at(3, "D"), run.batches.at(3, "D", 0.5)
    count, different = 0, 0
    for step in range(40):
        (plain,), (some,) = run.batches.at(step, "D"), run.batches.at(step, "D", 0.5)
        x, y = plain.view(plain.real, "real"), some.view(some.real, "real")
        different += int((x != y).flatten(1).any(1).sum())
        count += len(x)
    assert 0.4 < different / count < 0.6
    (all_of_them,) = run.batches.at(3, "D", 0.0)
    assert torch.equal(
        all_of_them.view(plain.real, "fake"), run.batches.at(3, "D")[0].view(plain.real, "fake")
    )


def test_the_hand_logs_what_it_does(make):
    run = make()
    follow(run, [Advice("lr", 0.5, "because", "GS307")])
    assert run.state.controls == CONTROLS | {"lr": 0.5}
    (record,) = run.of("advice")
    assert (record["control"], record["old"], record["new"]) == ("lr", 1.0, 0.5)
    assert (record["code"], record["why"]) == ("GS307", "because")


# Units


def kill(layer, units):
    """Turn units off for good, as a step that was too long does."""
    with torch.no_grad():
        layer.bias[units] = -1e4


def dead_of(net, *args):
    with watched(net) as record:
        net(*args)
    return sum(int(seen.dead.sum()) for seen in record.seen.values())


@pytest.mark.parametrize("optimiser", ["adam", "optimistic-adam", "sgd"])
@pytest.mark.parametrize("side", ["G", "D"])
def test_revived_units_live_and_nothing_else_has_changed(make, side, optimiser):
    settings = MLP | {"model.d.activation": "relu", "optim.name": optimiser, "optim.lookahead": 3}
    run = make(settings)
    for _ in range(3):
        play(run.engine, run.cfg, run.task, run.state, run.batches, now_of(run))
        run.state.step += 1
    player = run.state.players[side]
    net = player.bare
    first, second = [m for m in net.body if isinstance(m, torch.nn.Linear)]
    kill(first, [1, 5, 6])
    kill(second, [0])
    x = run.batches.at(9, side)[0]
    inputs = (x.noise_BZ,) if side == "G" else (x.real,)
    before = net(*inputs).detach()
    others = weights(first)[0][[0, 2, 3, 4, 7, 8, 9, 10, 11]]
    read_before = weights(second)[0]
    assert dead_of(net, *inputs) >= 4

    fresh = fresh_of(run)(7)[side]
    alive_before = dead_of(net, *inputs)
    count = revive(run.task, run.state, run.batches, side, fresh)
    assert count >= 4
    torch.testing.assert_close(net(*inputs).detach(), before, rtol=0, atol=0)
    assert dead_of(net, *inputs) <= alive_before - 3
    assert torch.equal(first.weight[[1, 5, 6]], fresh["body.0.weight"][[1, 5, 6]]), "the law"
    assert torch.equal(first.weight[[0, 2, 3, 4, 7, 8, 9, 10, 11]], others)
    lived = (second.weight[:, [0, 2]] == read_before[:, [0, 2]]).all(1)
    assert lived.any()
    assert not second.weight[lived][:, [1, 5, 6]].any()
    for p, index in ((first.weight, [1, 5, 6]), (first.bias, [1, 5, 6])):
        for slot in player.optimizer.state.get(p, {}).values():
            if slot.shape == p.shape:
                assert not slot[index].any(), "the optimiser forgets"
                assert slot[[0, 2]].any(), "but not the others"
    assert torch.equal(player.slow["body.0.bias"][[1, 5, 6]], first.bias[[1, 5, 6]])

    # And a revived unit learns: its way out first, then its way in.
    for _ in range(2):
        play(run.engine, run.cfg, run.task, run.state, run.batches, now_of(run))
        run.state.step += 1
    assert second.weight[:, [1, 5, 6]].abs().sum() > 0


def test_units_behind_convolutions_and_batch_norm(make):
    run = make(
        {"model.name": "dcgan", "model.g.activation": "relu", "model.g.norm": "batch"},
        shape=(3, 16, 16),
    )
    G = run.state.G.bare
    norms = [m for m in G.body if isinstance(m, torch.nn.BatchNorm2d)]
    last = norms[-1]
    with torch.no_grad():
        last.bias[2] = -1e4
    z = run.batches.at(0, "G")[0].noise_BZ
    before = G(z).detach()
    assert dead_of(G, z) == 1
    fresh = fresh_of(run)(1)["G"]
    assert revive(run.task, run.state, run.batches, "G", fresh) == 1
    torch.testing.assert_close(G(z).detach(), before)
    assert dead_of(G, z) == 0
    assert float(last.bias[2].detach()) == 0.0
    convolutions = [m for m in G.body if isinstance(m, torch.nn.ConvTranspose2d)]
    assert not convolutions[-1].weight[2].any(), "what goes in is the first axis here"


def test_units_that_others_read_too_are_left_alone(make):
    run = make({"model.name": "resnet", "model.g.activation": "relu", "model.depth": 1})
    G = run.state.G.bare
    with torch.no_grad():  # the stream that the residual blocks add to
        G.dense.bias.fill_(-1e4)
    z = run.batches.at(0, "G")[0].noise_BZ
    before, old = G(z).detach(), weights(G)
    revive(run.task, run.state, run.batches, "G", fresh_of(run)(1)["G"])
    torch.testing.assert_close(G(z).detach(), before)
    names = [name for name, _ in G.named_parameters()]
    assert torch.equal(G.dense.weight, old[names.index("dense.weight")])


def test_within_a_residual_block_units_are_revived(make):
    run = make({"model.name": "resnet", "model.g.activation": "relu", "model.depth": 1})
    G = run.state.G.bare
    block = G.blocks[0][0]
    with torch.no_grad():
        block.first.bias[1] = -1e4
        block.last.weight.normal_()
    z = run.batches.at(0, "G")[0].noise_BZ
    before = G(z).detach()
    count = revive(run.task, run.state, run.batches, "G", fresh_of(run)(1)["G"])
    assert count >= 1
    torch.testing.assert_close(G(z).detach(), before)
    assert float(block.first.bias[1].detach()) == 0.0


def test_where_all_live_nothing_is_done(make):
    run = make({"model.g.activation": "tanh", "model.d.activation": "tanh"})
    before = run.everything()
    for side in ("G", "D"):
        assert revive(run.task, run.state, run.batches, side, fresh_of(run)(1)[side]) == 0
    after = run.everything()
    assert all(torch.equal(before[key], after[key]) for key in before)


# Back


def test_back_are_the_players_but_not_the_clock(make):
    run = make({"save_every": 4, "keep": 9, "penalty.lecam": 0.1, "optim.lookahead": 2})
    run.play(until=4)
    kept, outputs = run.everything(), dict(run.state.outputs)
    run.play(until=7)
    run.state.controls["lr"] = 0.25
    place = run.place()
    follow(run, [Rollback(4, "because", "GS308")])
    assert run.place() == place
    assert run.state.outputs == outputs
    after = run.everything()
    assert all(torch.equal(kept[key], after[key]) for key in kept)


def test_the_schedules_begin_again_with_the_players(make):
    """What is left of them is spread over what is left of the plan: from there, and to its end."""
    run = make({"save_every": 4, "keep": 9})
    total, each = run.state.total_images, run.state.total_images // 12
    assert run.state.scheduled == 0
    run.play(until=6)
    assert run.state.scheduled == run.state.images == 6 * each, "as ever, while nobody goes back"
    follow(run, [Rollback(0, "because")])
    assert (run.state.images, run.state.scheduled) == (6 * each, 0)
    run.state.images = 9 * each
    assert run.state.scheduled == total // 2, "half of the rest is half of all"
    run.state.images = total
    assert run.state.scheduled == total
    run.state.images = 9 * each
    follow(run, [Rollback(4, "because")])
    assert run.state.scheduled == 4 * each
    assert State.scheduled.fget(replace(run.state, images=total)) == total


def test_a_step_back_from_after_a_step_back(make):
    """A checkpoint knows where its own players were in the schedules."""
    run = make({"save_every": 4, "keep": 9})
    run.play(until=4)
    follow(run, [Rollback(0, "because")])
    run.play(until=9)
    each = run.state.total_images // 12
    follow(run, [Rollback(8, "because")])
    assert run.state.scheduled == 6 * each, "4 of 8 steps after the start at step 4"
    again = make(name="run", resumed=True)
    assert again.state.turned == (4 * each, 0), "as the checkpoint of step 8 has it"


def test_what_is_done_before_the_first_step_is_in_the_first_checkpoint(make):
    run = make({"save_every": 4, "keep": 9})
    run.play(until=3, begin=lambda: [Advice("lr", 0.25, "because", "GS224")])
    told = [record for record in run.records if record["kind"] == "advice"]
    assert [(record["step"], record["control"], record["new"]) for record in told] == [
        (0, "lr", 0.25)
    ]
    saved, _ = read_latest(run.out / "checkpoints")
    assert saved.meta["controls"]["lr"] == 0.25


def test_no_way_back_to_what_is_not_there(make):
    run = make()
    with pytest.raises(UserError, match=r"checkpoint .* is damaged"):
        follow(run, [Rollback(4, "because")])


def test_a_spared_checkpoint_stays_however_old(make):
    run = make({"save_every": 2, "keep": 2})
    run.state.remedies = {"healthy": 2, "pending": 6}
    run.play()
    assert [step_of(path) for path in folders(run.out / "checkpoints")] == [2, 6, 10, 12]
    again = make(name="run", resumed=True)
    assert again.state.remedies == {"healthy": 2, "pending": 6}
    assert again.state.spared() == {2, 6}


def test_notes_come_back_as_they_were(make):
    run = make({"save_every": 2})
    run.state.notes = {
        "rows": torch.randn(3, 2, dtype=torch.float64),
        "bad": torch.tensor([torch.nan]),
    }
    kept = {key: value.clone() for key, value in run.state.notes.items()}
    run.play(until=3)
    again = make(name="run", resumed=True)
    assert again.state.notes.keys() == kept.keys()
    torch.testing.assert_close(again.state.notes, kept, rtol=0, atol=0, equal_nan=True)


def test_an_older_checkpoint_has_no_more_than_it_had(make):
    run = make()
    run.play(until=3)
    saved, _ = read_latest(run.out / "checkpoints")
    saved.meta["controls"] = {"gamma": 2.0, "lr": 1.0}
    del saved.meta["remedies"]
    run.state.restore(saved)
    assert run.state.controls == CONTROLS | {"gamma": 2.0}
    assert run.state.remedies == {}


# Rescue


def played(run, rescue, advisers=()):
    hooks = Hooks(
        sample=lambda state: "",
        saved=lambda state: run.saved.append(state.step),
        stop=lambda: None,
        evaluate=lambda state: None,
        advisers=advisers,
        rescue=rescue,
    )
    log = Log(run.out / "log.jsonl", (run.records.append,))
    try:
        return train(run.engine, run.cfg, run.task, run.state, run.batches, log, hooks, run.out)
    finally:
        log.close()


def spoil(run, at):
    def adviser(step, signals):
        if step == at:
            next(run.state.G.bare.parameters()).data.fill_(torch.nan)

    return adviser


@pytest.mark.parametrize("log_every", [1, 100])
@pytest.mark.parametrize("at", [3, 11])
def test_a_run_that_broke_down_goes_on_where_it_was_healthy(make, log_every, at):
    run = make({"log_every": log_every, "save_every": 2, "keep": 9})
    asked = []

    def rescue(step, what):
        asked.append((step, what))
        return [Rollback(2, "because", "GS118"), Advice("lr", 0.5, "because", "GS118")]

    assert played(run, rescue, (spoil(run, at),)) == "budget"
    assert len(asked) == 1
    assert asked[0][0] in (at, at + 1)
    assert "training diverged by step" in asked[0][1]
    assert run.state.controls["lr"] == 0.5
    assert run.state.finite()
    assert run.of("end")[0]["step"] == 12


def test_a_run_that_breaks_down_at_its_end_ends_healthy(make):
    run = make({"save_every": 4, "keep": 9})
    assert played(run, lambda *_: [Rollback(4, "because")], (spoil(run, 12),)) == "budget"
    saved, _ = read_latest(run.out / "checkpoints")
    assert saved.meta["step"] == 12
    assert run.state.finite()


def test_where_nothing_saves_it_the_run_ends(make):
    run = make({"save_every": 2})
    with pytest.raises(UserError, match="training diverged by step 4"):
        played(run, lambda *_: None, (spoil(run, 3),))


def test_a_dead_units_act_is_logged_with_their_number(make):
    run = make(MLP)
    kill(run.state.G.bare.body[0], [1, 2])
    follow(run, [Revive("G", "because", "GS310")])
    (record,) = run.of("advice")
    assert record["control"] == "revive_G"
    assert record["new"] >= 2
