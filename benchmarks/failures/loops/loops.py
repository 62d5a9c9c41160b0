"""Trains a GAN in plain PyTorch, in one of three styles, with a fault planted in it if asked.

    python loops.py --size digits-mlp --seed 3 --style auto --fault swapped-labels --steps 1000

`gansmith doctor loops.py -- --size toy --fault swapped-labels` should name the fault; what it
may be called stands in expected.yaml. Of gansmith the program uses the digits only.
"""

import argparse
import copy

import torch
import torch.nn.functional as F
from nets import make_nets
from plans import FAULTS, SIZES, STYLES, Plan, plan
from samples import Batches, Noise

EVERY = 50  # steps between lines


def judged(loss: str, outputs, target):
    """What it costs to say `outputs` of samples that are `target`: 1 for real, 0 for generated."""
    sign = 2 * target - 1
    if loss == "hinge":
        return F.relu(1 - sign * outputs).mean()
    if loss == "critic":
        return -(sign * outputs).mean()
    if loss == "squares":
        return ((outputs - target) ** 2).mean()
    if loss == "probabilities":
        return F.binary_cross_entropy(outputs, target)
    return F.binary_cross_entropy_with_logits(outputs, target)


def fooled(loss: str, outputs, wanted):
    """G's loss: generated samples are to be judged as `wanted`."""
    if loss == "minimax":
        return -judged("bce", outputs, 1 - wanted)
    return judged("critic" if loss == "hinge" else loss, outputs, wanted)


def r1(plan: Plan, outputs, inputs):
    """The gradient penalty on real samples (Mescheder et al. 2018, equation 9)."""
    if plan.gamma * plan.gamma_times == 0:
        return 0.0
    (slope,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    return plan.gamma * plan.gamma_times / 2 * slope.square().sum() / plan.batch


def make_optimizers(plan: Plan, net_g, net_d):
    """Two optimisers; D's may be a little wrong, and so may G's."""
    g_weights, d_weights = list(net_g.parameters()), list(net_d.parameters())
    if plan.frozen and plan.style == "joint":
        d_weights = d_weights[2:]

    def make(own, other, held, rate):
        if held == "copy":
            own = copy.deepcopy(own)
        weights = own + other if held == "both" else own
        if plan.optimizer == "rmsprop":
            return torch.optim.RMSprop(weights, lr=rate)
        return torch.optim.Adam(weights, lr=rate, betas=(plan.beta, 0.999))

    rate_g, rate_d = plan.rate * plan.g_times, plan.rate * plan.d_ratio * plan.d_times
    if plan.one_optimizer:
        both = make(d_weights, g_weights, "both", rate_g)
        return both, both
    opt_g = make(g_weights, d_weights, plan.g_holds, rate_g)
    return opt_g, make(d_weights, g_weights, plan.d_holds, rate_d)


def shaken(plan: Plan, x, step: int):
    """Instance noise on what D is shown, annealed to nothing."""
    if plan.anneals is None:
        return x
    return x + 0.1 * torch.tensor(1 - step / plan.anneals).sqrt() * torch.randn_like(x)


def clip_weights(plan: Plan, net_d) -> None:
    if plan.clip is not None:
        for weight in net_d.parameters():
            weight.data.clamp_(-plan.clip, plan.clip)


def show(plan: Plan, net_g, noise: Noise, step: int, d_loss, g_loss) -> None:
    """Now and then, draws samples, and prints the losses."""
    if step % 100 == plan.samples_at:
        net_g.eval()
        with torch.no_grad():
            samples = net_g(noise.fixed, *noise.fixed_label)
        print(f"samples: mean {samples.mean():.3f}, spread {samples.std():.3f}")
        if plan.back_to_train:
            net_g.train()
    if step % EVERY == 0 and step:
        losses = {"d": d_loss.item()} if step == plan.error_at else {}
        losses = losses or {"d": d_loss.item(), "g": g_loss.item()}
        print(f"step {step}: D {losses['d']:.3f}, G {losses['g']:.3f}")


def train_separate(plan: Plan, steps: int):
    """D's step has two backward passes, of real and of generated samples."""
    batches, noise = Batches(plan), Noise(plan)
    net_g, net_d = make_nets(plan)
    opt_g, opt_d = make_optimizers(plan, net_g, net_d)
    real_label = torch.full((plan.batch, 1), plan.real_label)
    fake_label = torch.full((plan.batch, 1), plan.fake_label)
    wanted = torch.full((plan.batch, 1), plan.wanted)

    for step in range(steps):
        # the discriminator
        for _ in range(plan.d_steps):
            real, label = batches.next(step)
            if plan.clears in ("before", "late"):
                opt_d.zero_grad()
            d_loss = torch.zeros(())
            if "real" in plan.shown:
                real = shaken(plan, real, step).requires_grad_()
                outputs = net_d(real, *label)
                loss_real = judged(plan.loss, outputs, real_label) + r1(plan, outputs, real)
                if not plan.d_graph:
                    loss_real = loss_real.detach().requires_grad_()
                loss_real.backward()
                d_loss = d_loss + loss_real
            if "fake" in plan.shown:
                fake = net_g(noise.next(), *label)
                fake = fake.detach() if plan.detaches else fake
                loss_fake = judged(plan.loss, net_d(shaken(plan, fake, step), *label), fake_label)
                if not plan.d_graph:
                    loss_fake = loss_fake.detach().requires_grad_()
                loss_fake.backward()
                d_loss = d_loss + loss_fake
            if plan.clears == "late":
                opt_d.zero_grad()
            if plan.d_moves:
                opt_d.step()
            if plan.clears == "early":
                opt_d.zero_grad()
            clip_weights(plan, net_d)

        # the generator
        opt_g.zero_grad()
        fake = net_g(noise.next(), *label)
        if not plan.g_graph:
            fake = fake.detach()
        g_loss = fooled(plan.loss, net_d(fake if plan.g_sees == "fake" else real, *label), wanted)
        g_loss.backward()
        if plan.g_moves:
            opt_g.step()
        show(plan, net_g, noise, step, d_loss, g_loss)
    return net_g, net_d


def train_summed(plan: Plan, steps: int):
    """G first; D's loss is one sum, and gradients are set to None on the nets."""
    batches, noise = Batches(plan), Noise(plan)
    G, D = make_nets(plan)
    g_opt, d_opt = make_optimizers(plan, G, D)
    real_is, fake_is, wish = (
        torch.tensor(label) for label in (plan.real_label, plan.fake_label, plan.wanted)
    )
    real_is, fake_is, wish = (each.expand(plan.batch, 1) for each in (real_is, fake_is, wish))

    for step in range(steps):
        if plan.noise_draws == "same":
            torch.manual_seed(plan.seed)
        x, y = batches.next(step)
        if plan.clears == "early":
            D.zero_grad(set_to_none=True)

        with torch.set_grad_enabled(plan.g_graph):
            fake = G(noise.next(), *y)
        g_loss = fooled(plan.loss, D(fake if plan.g_sees == "fake" else x, *y), wish)
        if not plan.one_optimizer:
            if plan.clears != "never":
                G.zero_grad(set_to_none=True)
            g_loss.backward()
            if plan.g_moves:
                g_opt.step()

        for turn in range(plan.d_steps):
            if turn:
                x, y = batches.next(step)
            if turn or not plan.detaches:
                fake = G(noise.next(), *y)
            d_loss = torch.zeros(())
            if "real" in plan.shown:
                x = shaken(plan, x, step).requires_grad_()
                on_real = D(x, *y)
                d_loss = d_loss + judged(plan.loss, on_real, real_is) + r1(plan, on_real, x)
            if "fake" in plan.shown:
                given = shaken(plan, fake.detach() if plan.detaches else fake, step)
                d_loss = d_loss + judged(plan.loss, D(given, *y), fake_is)
            d_step(plan, D, d_opt, d_loss, g_loss)
        show(plan, G, noise, step, d_loss, g_loss)
    return G, D


def d_step(plan: Plan, D, d_opt, d_loss, g_loss) -> None:
    """D's step of the style `summed`."""
    if plan.one_optimizer:
        d_opt.zero_grad(set_to_none=True)
        d_loss = d_loss + g_loss
    elif plan.clears in ("before", "late"):
        D.zero_grad(set_to_none=True)
    if not plan.d_graph:
        d_loss = torch.tensor(d_loss.item(), requires_grad=True)
    d_loss.backward()
    if plan.clears == "late":
        D.zero_grad(set_to_none=True)
    if plan.d_moves:
        d_opt.step()
    clip_weights(plan, D)


class Trainer:
    """D judges real and generated samples in one batch."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.batches, self.noise = Batches(plan), Noise(plan)
        self.generator, self.discriminator = make_nets(plan)
        self.opt_g, self.opt_d = make_optimizers(plan, self.generator, self.discriminator)

    def labels(self, value: float):
        return torch.full((self.plan.batch, 1), value)

    def discriminator_step(self, step: int):
        plan = self.plan
        real, label = self.batches.next(step)
        fake = self.generator(self.noise.next(), *label)
        fake = fake.detach() if plan.detaches else fake
        parts = [each for name, each in (("real", real), ("fake", fake)) if name in plan.shown]
        targets = {"real": self.labels(plan.real_label), "fake": self.labels(plan.fake_label)}
        both = shaken(plan, torch.cat(parts), step)
        if both.is_leaf:
            both.requires_grad_()
        with torch.set_grad_enabled(plan.d_graph):
            outputs = self.discriminator(both, *(torch.cat([y] * len(parts)) for y in label))
        if not plan.d_graph:
            outputs.requires_grad_()
        loss = judged(plan.loss, outputs, torch.cat([targets[name] for name in plan.shown]))
        if "real" in plan.shown:
            loss = loss + r1(plan, outputs[: plan.batch], both)
        if plan.clears in ("before", "late"):
            self.opt_d.zero_grad()
        loss.backward()
        if plan.clears == "late":
            self.opt_d.zero_grad()
        if plan.d_moves:
            self.opt_d.step()
        if plan.clears == "early":
            self.opt_d.zero_grad()
        clip_weights(plan, self.discriminator)
        return loss, real, label

    def generator_step(self, real, label):
        plan = self.plan
        samples = self.generator(self.noise.next(), *label)
        samples = samples if plan.g_graph else samples.data
        seen = samples if plan.g_sees == "fake" else real
        loss = fooled(plan.loss, self.discriminator(seen, *label), self.labels(plan.wanted))
        if plan.clears != "never":
            self.opt_g.zero_grad()
        loss.backward()
        if plan.g_moves:
            self.opt_g.step()
        return loss

    def train(self, steps: int):
        for step in range(steps):
            for _ in range(self.plan.d_steps):
                d_loss, real, label = self.discriminator_step(step)
            g_loss = self.generator_step(real, label)
            show(self.plan, self.generator, self.noise, step, d_loss, g_loss)
        return self.generator, self.discriminator


def train(plan: Plan, steps: int):
    """Train by the plan; G and D as they are then."""
    torch.manual_seed(plan.seed)
    if plan.style == "separate":
        return train_separate(plan, steps)
    if plan.style == "summed":
        return train_summed(plan, steps)
    return Trainer(plan).train(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="toy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", choices=("auto", *STYLES), default="auto")
    parser.add_argument("--fault", choices=("none", *FAULTS), default="none")
    parser.add_argument("--steps", type=int, default=1000)
    args = parser.parse_args()
    try:
        planned = plan(args.size, args.seed, args.style, args.fault)
    except ValueError as error:
        parser.error(str(error))
    train(planned, args.steps)


if __name__ == "__main__":
    main()
