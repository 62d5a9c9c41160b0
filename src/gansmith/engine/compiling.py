"""``torch.compile`` of the players' nets, within a step alone, and a way back to the plain ones.

Outside a step nothing is compiled: sheets, scores and the doctor's hooks see plain nets. A net's
own state is untouched, so that checkpoints have the same names. What cannot be compiled is computed
plainly from then on, and one line says so.

A compiled function cannot be differentiated twice by torch (pytorch issue 91469). The exact penalty
takes its gradient inside the compiled function, by `torch.func.grad`: then one backward is left.
"""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from gansmith.engine.ranks import world
from gansmith.errors import UserError

Judge = Callable[[Tensor, Tensor | None], Tensor]
# What is to be compiled around a net: of the net as a function, samples, labels, and a number.
Around = Callable[[Judge, Tensor, Tensor | None, int], tuple[Tensor, Tensor]]
SHAPES = 64  # variants of one function that are compiled before it is left plain; torch has 8
BESIDE = ("features", "patches", "contrast")  # what nets are asked for beside ``forward``
DRAWS = ("contrast",)  # what draws on the host meanwhile: a traced function cannot
FACE = "gansmith_face"  # the attribute of a net, as the engine wrapped it, that has them


@dataclass
class Compiling:
    """How the nets of a run are compiled, and what it came to.

    Attributes:
        mode: ``off``; ``on``; ``graphs``, which replays the kernels of each function as one CUDA
            graph.
        backend: what torch hands the traced functions to.
        troubles: one line for each function that could not be compiled.
    """

    mode: str = "off"
    backend: str = "inductor"
    troubles: list[str] = field(default_factory=list)

    def begin(self, device: torch.device) -> None:
        """Settings of torch's own that compiled nets need; they hold for the process.

        Raises:
            UserError: where this mode cannot be had.
        """
        if self.mode == "off":
            return
        if world() > 1:
            raise UserError(f"compile={self.mode} is for one process: take compile=off")
        if self.mode == "graphs" and device.type != "cuda":
            raise UserError("compile=graphs needs a CUDA device: take compile=on or off")
        from torch._dynamo import config as tracing  # seconds to import: only who compiles pays
        from torch._functorch import config as lowering
        from torch._inductor import config as kernels

        if not hasattr(kernels, "deterministic"):
            raise UserError(f"compile={self.mode} needs torch 2.10 or newer: take compile=off")
        tracing.recompile_limit = max(SHAPES, tracing.recompile_limit)
        # Else a backward that cannot be compiled is met in the middle of a step.
        lowering.force_non_lazy_backward_lowering = True
        # Else kernels are chosen by the clock, and a resumed run would round otherwise.
        kernels.deterministic = True

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as torch compiles it, one variant for each shape."""
        mode = "reduce-overhead" if self.mode == "graphs" else None
        return cast(
            Callable[..., Any],
            torch.compile(function, fullgraph=True, dynamic=False, backend=self.backend, mode=mode),
        )

    def give_up(self, what: str, error: Exception) -> None:
        """Say, once, that a function stays plain."""
        first = str(error).strip().splitlines() or [""]
        line = f"torch.compile fails on the {what}, which runs without it: {first[0][:200]}"
        if line not in self.troubles:
            self.troubles.append(line)
            logging.getLogger("gansmith").warning(line)


def as_it_is(data: Any) -> Any:
    """The same."""
    return data


class Face:
    """What is asked of one net, compiled and plain.

    Args:
        how: of the run.
        net: the bare net.
        autocast: the context in which the net computes.
        answer: what makes of its outputs what is handed out.
    """

    def __init__(
        self,
        how: Compiling,
        net: nn.Module,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
        answer: Callable[[Any], Any] = as_it_is,
    ) -> None:
        self.how, self.net = how, net
        self._autocast, self._answer = autocast, answer
        self._plain = net.forward
        self._made: dict[Any, Callable[..., Any]] = {}
        self._seen: set[tuple[Any, ...]] = set()
        self._given_up: set[tuple[Any, ...]] = set()
        self._at_work = False

    @property
    def at_work(self) -> bool:
        """Whether what is asked now is answered by compiled functions."""
        return self._at_work and self.how.mode != "off"

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within the block the net is compiled. Whoever copies the net does it outside."""
        self.net.forward = self._forward  # type: ignore[method-assign]
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False
            del self.net.forward

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Within the block it is plain: for what is to be differentiated twice."""
        before, self._at_work = self._at_work, False
        try:
            yield
        finally:
            self._at_work = before

    def _forward(self, *args: Any) -> Any:
        """What tasks ask for, by places and not by names."""
        return self._tried("forward", self._plain, args) if self.at_work else self._plain(*args)

    def asked(self, name: str, method: Callable[..., Any], *args: Any) -> Any:
        """Another method of the net than ``forward``, in the precision of the net."""
        with self._autocast():
            fast = self.at_work and name not in DRAWS
            found = self._tried(name, method, args) if fast else method(*args)
        return self._answer(found)

    @property
    def takes_slopes(self) -> bool:
        """Whether `slopes` can be had: nothing moves in the net while it answers.

        Running averages and singular vectors would be changed inside a function that is
        differentiated, which `torch.func.grad` refuses.
        """
        moving = nn.modules.batchnorm._BatchNorm
        return self.at_work and not any(
            isinstance(each, moving) or nn.utils.parametrize.is_parametrized(each)
            for each in self.net.modules()
        )

    def slopes(
        self,
        around: Around,
        samples: Tensor,
        labels_B: Tensor | None,
        number: int,
        more: tuple[Any, ...] = (),
    ) -> tuple[Tensor, Tensor]:
        """``around(net, samples, labels_B, number)``, compiled with the net in it.

        Args:
            around: a function of a module, so that it is the same one at each call.
            samples: detached.
            labels_B: classes, or None.
            number: handed on.
            more: further arguments of the net.
        """
        autocast, plain, answer = self._autocast, self._plain, self._answer

        def judge(x: Tensor, y_B: Tensor | None) -> Tensor:
            with autocast():  # around the net alone: gradients keep the types of what they are of
                found = plain(x, y_B, *more)
            return cast(Tensor, answer(found))

        def whole(x: Tensor, y_B: Tensor | None) -> tuple[Tensor, Tensor]:
            return around(judge, x, y_B, number)

        key = ("penalty", around, number, more)
        return cast(tuple[Tensor, Tensor], self._tried(key, whole, (samples, labels_B)))

    def _tried(self, key: Any, plain: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """What the compiled function says, or the plain one where it cannot be compiled.

        It is given up for tensors of that shape and kind alone, so that a run which is resumed
        computes as the one that was never stopped.
        """
        kind = (key, *self._kind(args))
        if kind in self._given_up:
            return plain(*args)
        if key not in self._made:
            self._made[key] = self.how.compiled(plain)
        try:
            with nullcontext() if kind in self._seen else warnings.catch_warnings():
                if kind not in self._seen:  # it is compiled now, and torch warns of its own doings
                    warnings.simplefilter("ignore")
                found = self._made[key](*args)
            self._seen.add(kind)
            return found
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # torch has no one kind for all that may go wrong in compiling
            found = plain(*args)  # raises by itself where the net is at fault
            self._given_up.add(kind)
            name = key if isinstance(key, str) else key[0]
            self.how.give_up(f"{name} of {type(self.net).__name__}", error)
            return found

    def _kind(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """What a compiled variant depends on."""
        weight = next(self.net.parameters(), None)
        asking = weight is not None and weight.requires_grad
        each = ((x.shape, x.dtype, x.requires_grad) if isinstance(x, Tensor) else x for x in args)
        return (torch.is_grad_enabled(), asking, self.net.training, *each)


def face_of(net: nn.Module) -> Face | None:
    """What the engine has put on a net that it wrapped; None where it has put nothing."""
    return cast("Face | None", net.__dict__.get(FACE))


def put_on(net: nn.Module, face: Face) -> None:
    """Put a face on a net as the engine wrapped it; methods `BESIDE` are asked for through it.

    Lightning Fabric sends a method that is marked as a second ``forward`` through the first one
    only where its strategy has wrapped the net: elsewhere it would compute in another precision.
    """
    net.__dict__[FACE] = face
    for name in BESIDE:
        if hasattr(face.net, name):
            method = net.__dict__.get(name) or getattr(face.net, name)
            net.__dict__[name] = partial(face.asked, name, method)


@contextmanager
def compiled(nets: Iterable[nn.Module]) -> Iterator[None]:
    """Within the block those nets are compiled that the engine was asked to compile."""
    with ExitStack() as stack:
        for net in nets:
            face = face_of(net)
            if face and face.how.mode != "off":
                stack.enter_context(face.working())
        yield


def plainly(net: nn.Module) -> AbstractContextManager[None]:
    """A block in which a net, as the engine wrapped it, is not compiled."""
    face = face_of(net)
    return face.resting() if face else nullcontext()


@torch.no_grad()
def own_gradients(net: nn.Module) -> None:
    """Take the gradients of a bare net out of the memory of CUDA graphs.

    The next replay writes over it, without a word (pytorch issues 96693 and 169545).
    """
    for parameter in net.parameters():
        if parameter.grad is not None:
            parameter.grad = parameter.grad.clone()
