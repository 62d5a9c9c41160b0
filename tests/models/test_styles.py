"""The contract of every style of every family, and what is refused."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gansmith.config.nets import ModelConfig
from gansmith.errors import UserError
from gansmith.models import (
    ACTIVATIONS,
    MODELS,
    NORMS,
    OUTPUTS,
    Generator,
    Spec,
    Style,
    build,
    range_of,
    styled,
)

SHAPES = [(1, 8, 8), (3, 12, 20)]


def fits(name: str, norm: str) -> bool:
    return norm == "none" or not MODELS[name].flat or NORMS[norm].flat is not None


COMBINATIONS = [  # every activation with every norm; outputs go round
    (name, activation, norm, list(OUTPUTS)[number % len(OUTPUTS)])
    for number, (name, activation, norm) in enumerate(product(MODELS, ACTIVATIONS, NORMS))
    if fits(name, norm)
]


def woken(net: torch.nn.Module, run) -> list[str]:
    """Weights without a gradient in the second step: the first wakes branches that start at 0."""
    adam = torch.optim.Adam(net.parameters(), lr=3e-3)  # more drives a hard output to its end
    run().backward()
    adam.step()
    adam.zero_grad()
    run().backward()
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in net.parameters())
    return [key for key, p in net.named_parameters() if p.grad is None or not bool(p.grad.any())]


@pytest.mark.parametrize(("name", "activation", "norm", "output"), COMBINATIONS)
def test_every_style_makes_judges_and_learns(name, activation, norm, output):
    for shape in SHAPES:
        torch.manual_seed(0)
        style = Style(activation, norm, output)
        G, D = build(name, shape, 6, 8, 2, classes=3, g=style, d=style)
        z, x, y = torch.randn(9, 6), torch.randn(9, *shape), torch.arange(9) % 3
        given = (torch.randn(9, *shape),) if MODELS[name].reads == "picture" else ()
        fake, logit_B = G(z, y, *given), D(x, y)
        assert fake.shape == (9, *shape)
        assert logit_B.shape == (9,)
        assert bool(fake.isfinite().all() and logit_B.isfinite().all())
        if output != "linear":
            low, high = range_of(output)
            for found in (fake, logit_B):
                assert low <= float(found.detach().min()) <= float(found.detach().max()) <= high
        mix, weigh = torch.randn(9, *shape), torch.randn(9)
        silent = woken(G, lambda: (G(z, y, *given) * mix).sum())  # noqa: B023 - called at once
        silent += woken(D, lambda: (D(x, y) * weigh).sum())  # noqa: B023
        # What is taken away again by a normalisation further on may end at exactly 0.
        assert [key for key in silent if not (NORMS[norm].centres and key.endswith("bias"))] == []


@pytest.mark.parametrize("spectral", [False, True], ids=["free", "spectral"])
@pytest.mark.parametrize(
    ("name", "activation", "norm", "output"), [row for row in COMBINATIONS if row[1] != "linear"]
)
def test_a_styled_generator_comes_back_bit_by_bit(
    tmp_path, name, activation, norm, output, spectral
):
    torch.manual_seed(0)
    g = Style(activation, norm, output, spectral=spectral)
    spec = Spec(name, (1, 8, 8), 5, 8, 1, ("a", "b"), prior="uniform", g=g, d=Style(pac=2))
    G, _ = spec.nets()
    with torch.no_grad():
        G.train()(torch.randn(16, 5), torch.arange(16) % 2)
    before = Generator(G, spec)
    after = Generator.from_pretrained(before.save_pretrained(tmp_path))
    assert after.spec == spec
    assert torch.equal(before.sample(5, seed=3), after.sample(5, seed=3))


@settings(max_examples=40)
@given(
    st.sampled_from(list(MODELS)),
    st.sampled_from([output for output in OUTPUTS if output != "linear"]),
    st.floats(0, 1e4),
    st.integers(0, 99),
)
def test_a_bounded_generator_stays_in_its_range(name, output, size, seed):
    torch.manual_seed(seed)
    G, D = build(name, (1, 8, 8), 4, 4, 1, g=Style(output=output), d=Style(output=output))
    low, high = range_of(output)
    with torch.no_grad():
        for weight in [*G.parameters(), *D.parameters()]:
            weight.mul_(size)
        x = G(torch.randn(4, 4) * size)
        for found in (x, D(x)):
            assert low <= float(found.min()) <= float(found.max()) <= high


def asked(name="mlp", **changes) -> tuple[Style, Style]:
    return styled(name, TypeAdapter(ModelConfig).validate_python(changes))


@pytest.mark.parametrize("name", MODELS)
def test_auto_is_the_familys_own(name):
    family = MODELS[name]
    assert asked(name) == (family.g, family.d)
    assert build(name, (3, 8, 8), 4, 4, 1)[0].state_dict().keys() == (
        build(name, (3, 8, 8), 4, 4, 1, 0, family.g, family.d)[0].state_dict().keys()
    )
    assert "auto" not in (*vars(family.g).values(), *vars(family.d).values())


def test_the_defaults_are_those_of_the_papers():
    rows = {name: (vars(f.g), vars(f.d)) for name, f in MODELS.items()}
    found = {
        name: [tuple(side[key] for key in ("activation", "norm", "output")) for side in sides]
        for name, sides in rows.items()
    }
    assert found == {
        "mlp": [("relu", "none", "linear"), ("leaky-relu", "none", "linear")],
        "dcgan": [("relu", "batch", "tanh"), ("leaky-relu", "batch", "linear")],
        "resnet": [("leaky-relu", "none", "linear")] * 2,
        "completion": [("leaky-relu", "none", "linear")] * 2,
        "unet": [("leaky-relu", "none", "linear")] * 2,
        "translator": [("leaky-relu", "none", "linear")] * 2,
    }


def test_what_is_asked_for_is_what_is_built():
    g, d = asked(
        g={"activation": "sine", "norm": "layer", "output": "sigmoid", "hidden": "8-16"},
        d={"spectral": True, "minibatch_std": True, "pac": 4, "hidden": 7},
    )
    assert g == Style("sine", "layer", "sigmoid", hidden=(8, 16))
    assert d == Style("leaky-relu", "none", "linear", 0, (7,), True, True, 4)


@pytest.mark.parametrize("name", MODELS)
def test_one_net_may_be_wider_than_the_other(name):
    def weights(**styles: Style) -> tuple[int, int]:
        nets = build(name, (1, 8, 8), 6, 8, 2, **styles)
        return tuple(sum(p.numel() for p in net.parameters()) for net in nets)

    wide, narrow = weights(), weights(d=Style(width=4))
    assert narrow[0] == wide[0]
    assert narrow[1] < 0.6 * wide[1]
    assert weights(g=Style(width=4))[0] < 0.6 * wide[0]
    assert weights(g=Style(width=8), d=Style(width=8)) == wide


def test_with_spectral_norm_d_is_not_normalised_otherwise_unless_asked():
    assert asked("dcgan", d={"spectral": True})[1].norm == "none"
    assert asked("dcgan", g={"spectral": True})[0].norm == "batch"
    assert asked("dcgan", d={"spectral": True, "norm": "batch"})[1].norm == "batch"


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("mpl", {}, r"^model.name 'mpl' is not known; did you mean 'mlp'\?; known: mlp, dcgan"),
        ("mlp", {"g": {"activation": "rellu"}}, r"^model.g.activation 'rellu' .*mean 'relu'\?"),
        ("mlp", {"d": {"activation": "zzz"}}, r"^model.d.activation 'zzz' is not known; known: "),
        ("dcgan", {"d": {"norm": "bach"}}, r"^model.d.norm 'bach' .*mean 'batch'\?"),
        ("dcgan", {"g": {"output": "tan"}}, r"^model.g.output 'tan' .*mean 'tanh'\?"),
        ("dcgan", {"g": {"hidden": "4-4"}}, r"^model.g.hidden .* 'dcgan' takes model.width"),
        ("resnet", {"d": {"hidden": 8}}, r"^model.d.hidden .* use model.name=mlp"),
        ("mlp", {"g": {"norm": "instance"}}, r"^model.g.norm 'instance' .* use model.g.norm=layer"),
        ("mlp", {"conditional": True, "d": {"pac": 2}}, r"^model.d.pac=2 .* use model.d.pac=1"),
    ],
)
def test_what_cannot_be_is_one_clear_line(name, changes, said):
    with pytest.raises(UserError, match=said) as caught:
        asked(name, **changes)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_the_samples_is_refused():
    with pytest.raises(UserError, match=r"^model.g.output 'tanh' is bounded, and points are not"):
        build("mlp", (2,), 4, 4, 1, g=Style(output="tanh"))
    with pytest.raises(UserError, match="pac=2 cannot judge samples of several classes"):
        build("mlp", (1, 8, 8), 4, 4, 1, 3, d=Style(pac=2))
