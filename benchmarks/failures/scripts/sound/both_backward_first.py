"""Both gradients first, both steps afterwards (simultaneous steps), with inputs= for each."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(12)


def moons(n):
    angle = torch.rand(n) * torch.pi
    side = torch.randint(2, (n,)).float()
    x = angle.cos() * (1 - 2 * side) + side
    y = angle.sin() * (1 - 2 * side) + side * 0.5
    return torch.stack([x - 0.5, y - 0.25], 1) / 1.6 + 0.02 * torch.randn(n, 2)


G = nn.Sequential(
    nn.Linear(8, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 2)
)
D = nn.Sequential(nn.Linear(2, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 1))
players = {"D": D, "G": G}
optimizers = {k: torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.9)) for k, net in players.items()}

for step in range(1000):
    fake = G(torch.randn(100, 8))
    on_real, on_fake = D(moons(100)), D(fake)
    losses = {
        "D": F.softplus(-on_real).mean() + F.softplus(on_fake).mean(),
        "G": F.softplus(-on_fake).mean(),
    }
    for name, net in players.items():
        optimizers[name].zero_grad()
        losses[name].backward(inputs=list(net.parameters()), retain_graph=True)
    for optimizer in optimizers.values():
        optimizer.step()
    if step % 100 == 0:
        print(step, {name: round(loss.item(), 3) for name, loss in losses.items()})
