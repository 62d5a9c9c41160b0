"""The two players: perceptrons for points and flat digits, small convolutions for images."""

import torch
from plans import Plan
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "leaky": lambda: nn.LeakyReLU(0.2), "silu": nn.SiLU}
ENDS = {"tanh": [nn.Tanh], "sigmoid": [nn.Sigmoid], "linear": []}
CLASSES = {"toy": 8, "digits-mlp": 10, "digits-conv": 10}
FLAT = {"toy": 2, "digits-mlp": 784}


def one_hot(label, classes):
    return nn.functional.one_hot(label, classes).float()


class Generator(nn.Module):
    """Noise, and a label where the data have them, into samples."""

    def __init__(self, plan: Plan):
        super().__init__()
        self.plan = plan
        layers = generator_layers(plan)
        if not plan.hears_noise:
            inputs = plan.z_dim + plan.conditional * CLASSES[plan.size]
            self.start = nn.Parameter(torch.randn(1, inputs))
        self.first, self.rest = layers[0], nn.Sequential(*layers[1:])

    def forward(self, z, *label):
        if label:
            z = torch.cat([z, one_hot(label[0], CLASSES[self.plan.size])], 1)
        if not self.plan.hears_noise:
            z = self.start.expand(len(z), -1)
        h = self.first(z)
        if self.plan.frozen and self.plan.style == "summed":
            h = h.detach()
        return self.rest(h)


class Discriminator(nn.Module):
    """Samples, and a label where the data have them, into one number each."""

    def __init__(self, plan: Plan):
        super().__init__()
        self.classes = CLASSES[plan.size]
        self.net = nn.Sequential(*discriminator_layers(plan))

    def forward(self, x, *label):
        if label:
            hot = one_hot(label[0], self.classes)
            if x.ndim == 4:
                hot = hot[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, hot], 1)
        return self.net(x)


def generator_layers(plan: Plan) -> list[nn.Module]:
    act, width = ACTIVATIONS[plan.activation], plan.width
    inputs = plan.z_dim + plan.conditional * CLASSES[plan.size]
    ends = [end() for end in ENDS[plan.g_ends]]
    if plan.size != "digits-conv":
        layers: list[nn.Module] = []
        for before in [inputs] + [width] * (plan.depth - 1):
            norm = [nn.BatchNorm1d(width)] if plan.norm else []
            layers += [nn.Linear(before, width), *norm, act()]
        return [*layers, nn.Linear(width, FLAT[plan.size]), *ends]

    def larger(before, after):
        if plan.upsamples:
            return [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1)]
        return [nn.ConvTranspose2d(before, after, 4, 2, 1)]

    layers = [nn.Linear(inputs, 2 * width * 49), nn.Unflatten(1, (2 * width, 7, 7))]
    layers += [nn.BatchNorm2d(2 * width), act()]
    if plan.depth == 3:
        layers += [nn.Conv2d(2 * width, 2 * width, 3, padding=1)]
        layers += [nn.BatchNorm2d(2 * width), act()]
    layers += [*larger(2 * width, width), nn.BatchNorm2d(width), act()]
    return [*layers, *larger(width, 1), *ends]


def discriminator_layers(plan: Plan) -> list[nn.Module]:
    act, width = ACTIVATIONS[plan.d_activation], plan.width
    labels = plan.conditional * CLASSES[plan.size]
    ends = [end() for end in ENDS[plan.d_ends]]
    if plan.size != "digits-conv":
        inputs = FLAT[plan.size] + labels + (32 * 32 - 28 * 28 if plan.misfit else 0)
        layers: list[nn.Module] = []
        for before in [inputs] + [width] * (plan.depth - 1):
            layers += [nn.Linear(before, width), act()]
        return [*layers, nn.Linear(width, 1), *ends]
    layers = [nn.Conv2d(1 + labels, width, 4, 2, 1), act()]
    layers += [nn.Conv2d(width, 2 * width, 4, 2, 1), act()]
    if plan.depth == 3:
        layers += [nn.Conv2d(2 * width, 2 * width, 3, 1, 1), act()]
    side = 8 if plan.misfit else 7
    if plan.d_pools:
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, 1)]
    else:
        head = [nn.Flatten(), nn.Linear(2 * width * side * side, 1)]
    return [*layers, *head, *ends]


def is_weighty(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)


def initialise(plan: Plan, net: nn.Module, whose: str) -> None:
    """Torch's own weights, unless the plan asks for others."""
    layers = [module for module in net.modules() if is_weighty(module)]
    if plan.weights is not None:
        for layer in layers:
            nn.init.normal_(layer.weight, 0.0, plan.weights)
            nn.init.zeros_(layer.bias)
    if plan.killed == whose:
        norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
        for layer in norms or layers[:-1]:
            nn.init.constant_(layer.bias, -10.0)
    if plan.frozen and plan.style == "separate" and whose == "g":
        for weight in layers[1].parameters():
            weight.requires_grad = False


def make_nets(plan: Plan) -> tuple[nn.Module, nn.Module]:
    """G and D; classes with a `forward`, or, in the style `separate`, chains where they suffice."""
    if plan.style == "separate" and not plan.conditional and plan.hears_noise:
        net_g = nn.Sequential(*generator_layers(plan))
        net_d = nn.Sequential(*discriminator_layers(plan))
    else:
        net_g, net_d = Generator(plan), Discriminator(plan)
    initialise(plan, net_g, "g")
    initialise(plan, net_d, "d")
    return net_g, net_d
