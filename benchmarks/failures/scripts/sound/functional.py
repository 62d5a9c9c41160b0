"""In functional style: parameters are dictionaries, gradients come from torch.func.grad."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad_and_value


def mixture(n):
    centres = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    return centres[torch.randint(4, (n,))] + 0.05 * torch.randn(n, 2)


def mlp(inputs, outputs, width=64):
    return nn.Sequential(
        nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
        nn.Linear(width, outputs),
    )  # fmt: skip


def d_loss(d_params, G, D, x, z):
    fake = G(z).detach()
    real_logits = functional_call(D, d_params, (x,))
    fake_logits = functional_call(D, d_params, (fake,))
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def g_loss(g_params, G, D, z):
    return F.softplus(-D(functional_call(G, g_params, (z,)))).mean()


def assign(net, gradients):
    for name, parameter in net.named_parameters():
        parameter.grad = gradients[name]


def run(steps=2000, batch=128, z_dim=4):
    torch.manual_seed(7)
    G, D = mlp(z_dim, 2), mlp(2, 1)
    opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
    opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
    for step in range(steps):
        x, z = mixture(batch), torch.randn(batch, z_dim)
        gradients, of_d = grad_and_value(d_loss)(dict(D.named_parameters()), G, D, x, z)
        assign(D, gradients)
        opt_d.step()
        gradients, of_g = grad_and_value(g_loss)(dict(G.named_parameters()), G, D, z)
        assign(G, gradients)
        opt_g.step()
        if step % 200 == 0:
            print(step, float(of_d), float(of_g))


if __name__ == "__main__":
    run()
