"""What fills a hole, by what a run is: a completion net, or any generator by a search of its noise.

Both answer with whole pictures, known pixels as the net would have them; who asked lays them into
the hole (`gansmith.data.pictures.blending`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from gansmith.apps import runs
from gansmith.apps.sample import class_number
from gansmith.engine import indexed_noise
from gansmith.errors import UserError
from gansmith.models import PRIORS, Completer, Generator, Translator, ties_samples, to_uint8
from gansmith.tasks import TASKS
from gansmith.training import checkpoint
from gansmith.training.latent_search import Critique, Latent, SearchPlan, critique, search

# Of pictures uint8 BCHW, holes boolean BHW, a seed, and the number of the filling of each picture,
# to whole pictures uint8 BCHW.
Make = Callable[[Tensor, Tensor, int, Sequence[int]], Tensor]
USUAL = 64  # samples on which a critic's scale is measured
USUAL_SEED = 2017  # of them: none that a search would begin from
PIXELS = 2**18  # that a net is given at a time, those of all starts counted


@dataclass(frozen=True)
class Filler:
    """What fills holes.

    Attributes:
        way: ``trained`` or ``latent``.
        shape: (C, H, W) of the pictures it was trained on.
        stride: both sides of what it is given are multiples of it; 0 if only pictures of ``shape``
            can be given.
        blend: how its fillings are laid into the hole where nobody says otherwise.
        make: see `Make`.
        notes: what was decided, in plain words.
    """

    way: str
    shape: tuple[int, int, int]
    stride: int
    blend: str
    make: Make
    notes: tuple[str, ...] = field(default=())

    @property
    def side(self) -> int:
        """The longer side of the windows that a net of any size is given."""
        return -(-max(self.shape[1:]) // self.stride) * self.stride


def open_filler(
    source: str | Path, class_name: str | None = None, plan: SearchPlan | None = None
) -> Filler:
    """What fills holes by this run, saved generator or name on the hub.

    Args:
        source: of which.
        class_name: the class of what is filled in, of a conditional generator; by default the one
            whose samples agree best.
        plan: of the search, where the run has no completion net.

    Raises:
        UserError: if there is none, or it makes points or translations, or does not know the class.
    """
    generator = runs.load(source)
    if generator.spec.kind == "points":
        raise UserError(f"{source}: makes points, not pictures; nothing can be filled by it")
    if isinstance(generator, Translator):
        raise UserError(
            f"{source}: fills nothing, it translates pictures: gansmith translate RUN PICTURES; "
            "--recipe inpaint trains a completion net"
        )
    channels, height, width = generator.spec.shape
    shape = (channels, height, width)
    if isinstance(generator, Completer):
        if class_name is not None:
            raise UserError("--class is of generators; a completion net knows no classes")
        return Filler("trained", shape, generator.stride, "feather", _completing(generator))
    chosen = class_number(generator, class_name)
    latent = Latent(generator.net, PRIORS[generator.spec.prior], generator.spec.range)
    critic, why = _critic(Path(source), generator, latent)
    make = _searching(generator, latent, critic, chosen, plan or SearchPlan())
    return Filler("latent", shape, 0, "poisson", make, (why,))


def _completing(net: Completer) -> Make:
    def make(x_BCHW: Tensor, hole_BHW: Tensor, seed: int, fillings: Sequence[int]) -> Tensor:
        most = max(1, PIXELS // (x_BCHW.shape[2] * x_BCHW.shape[3]))
        made = [
            net.complete(
                x_BCHW[i : i + most], hole_BHW[i : i + most], seed, fillings[i : i + most], True
            )
            for i in range(0, len(x_BCHW), most)
        ]
        return torch.cat(made)

    return make


def _searching(
    generator: Generator,
    latent: Latent,
    critic: Critique | None,
    chosen: int | None,
    plan: SearchPlan,
) -> Make:
    """Filling k of a seed begins from draws k·N .. (k+1)·N − 1 of it, whatever the picture."""
    spec = generator.spec
    low, high = spec.range
    labels_N = _classes(plan.draws, len(spec.classes), chosen)

    def make(x_BCHW: Tensor, hole_BHW: Tensor, seed: int, fillings: Sequence[int]) -> Tensor:
        given = x_BCHW.float() * ((high - low) / 255.0) + low
        most = max(1, PIXELS // (plan.starts * x_BCHW.shape[2] * x_BCHW.shape[3]))
        made = []
        for i in range(0, len(x_BCHW), most):
            part = fillings[i : i + most]
            draws = [indexed_noise(seed, k * plan.draws, plan.draws, spec.z_dim) for k in part]
            labels = None if labels_N is None else labels_N.expand(len(part), -1)
            found = search(
                latent,
                given[i : i + most],
                hole_BHW[i : i + most],
                torch.stack(draws),
                labels,
                critic,
                plan,
            )
            made.append(to_uint8(found.x_BCHW, low, high))
        return torch.cat(made)

    return make


def _classes(count: int, known: int, chosen: int | None) -> Tensor | None:
    """The class of every draw: all of them in turn, or the chosen one."""
    if not known:
        return None
    return torch.arange(count) % known if chosen is None else torch.full((count,), chosen)


def _critic(folder: Path, generator: Generator, latent: Latent) -> tuple[Critique | None, str]:
    """The run's D from its last checkpoint, where it can judge a sample alone; and a word on it."""
    net, why = _saved_critic(folder, generator)
    if net is None:
        return None, f"prior: the length of the noise ({why})"
    spec = generator.spec
    labels = _classes(USUAL, len(spec.classes), None)
    noise = indexed_noise(USUAL_SEED, 0, USUAL, spec.z_dim)
    return critique(net, latent, noise, labels), "prior: the run's own D"


def _saved_critic(folder: Path, generator: Generator) -> tuple[nn.Module | None, str]:
    if not runs.is_run(folder):
        return None, "a saved generator has no D"
    try:
        cfg = runs.read_settings(folder)
        saved, _ = checkpoint.read_latest(folder / "checkpoints")
    except UserError as error:
        return None, str(error)
    if cfg.task not in TASKS or not TASKS[cfg.task].has_d or saved is None:
        return None, "the run has no D"
    net = generator.spec.nets()[1]
    try:
        net.load_state_dict(saved.tensors["D"])
    except (LookupError, RuntimeError):
        return None, "the D of the last checkpoint is of another kind"
    if ties_samples(net):
        return None, "the run's D judges samples by their batch"
    return net.eval(), ""
