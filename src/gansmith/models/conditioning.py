"""How classes enter: an embedding beside z in G, a projection in D."""

import torch
from torch import Tensor, nn

from gansmith.models.layers import he


class ClassEmbedding(nn.Module):
    """z, or (z, e_y) with a learned e_y as wide as z when there are classes."""

    def __init__(self, classes: int, z_dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(classes, z_dim) if classes else None
        self.outputs = 2 * z_dim if classes else z_dim

    def forward(self, z_BZ: Tensor, y_B: Tensor | None) -> Tensor:
        if self.table is None:
            return z_BZ
        if y_B is None:
            raise ValueError("a class-conditional generator needs labels y_B")
        return torch.cat([z_BZ, self.table(y_B)], dim=1)


class Projection(nn.Module):
    """D(h, y) = w·h + b + v_y·h (Miyato and Koyama 2018, equation (3)); without classes w·h + b.

    With more than one output, (B, outputs), there are no classes.
    """

    def __init__(self, classes: int, features: int, outputs: int = 1) -> None:
        super().__init__()
        self.outputs = outputs
        self.linear = he(nn.Linear(features, outputs), gain=1.0)
        self.table = nn.Embedding(classes, features) if classes else None
        if self.table is not None:
            nn.init.zeros_(self.table.weight)  # starts as an unconditional D

    def forward(self, h_BF: Tensor, y_B: Tensor | None) -> Tensor:
        found = self.linear(h_BF)
        if self.outputs > 1:
            return found
        logit_B = found.squeeze(1)
        if self.table is None:
            return logit_B
        if y_B is None:
            raise ValueError("a class-conditional discriminator needs labels y_B")
        return logit_B + (self.table(y_B) * h_BF).sum(1)
