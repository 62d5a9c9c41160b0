"""Whose samples D was shown: by the graph, by rows, by likeness."""

import pytest
import torch
from torch import Tensor, nn

from gansmith.doctor.hearing import Draw, Reach, kinship
from gansmith.doctor.hearing.places import user_line


def drawn(out: Tensor) -> Draw:
    return Draw(
        number=1,
        noise=None,
        out=out.detach(),
        numel=out[:1].numel(),
        keys=kinship.keys(out.detach()),
        node=kinship.place(out),
        reach=Reach(),
        training=True,
    )


@pytest.fixture
def samples() -> Tensor:
    return nn.Linear(3, 12)(torch.randn(5, 3)).view(5, 3, 2, 2).tanh()


def test_rows_are_known_again_wherever_they_stand(samples):
    draw, real = drawn(samples), torch.randn(4, 3, 2, 2)
    whole, _ = kinship.rows(samples.detach().clone(), draw)
    assert whole.all()
    mixed, _ = kinship.rows(torch.cat([real, samples]), draw)
    assert mixed.tolist() == [False] * 4 + [True] * 5
    other, _ = kinship.rows(samples + 1e-6, draw)
    assert not other.any()


@pytest.mark.parametrize("before", [True, False])
def test_a_label_may_stand_beside_a_sample(samples, before):
    labels, flat = torch.zeros(5, 10), samples.detach().flatten(1)
    x = torch.cat([labels, flat] if before else [flat, labels], dim=1)
    mask, offset = kinship.rows(x, drawn(samples))
    assert mask.all()
    assert offset == (10 if before else 0)


def test_a_few_columns_that_agree_are_not_enough():
    background = -torch.ones(4, 100)  # of digits: the columns that are looked at are all −1
    other = background.clone()
    other[:, 1] = 0.5
    mask, _ = kinship.rows(other, drawn(background))
    assert not mask.any()


def test_the_graph_leads_back_to_g_and_knows_a_reversal(samples):
    place = kinship.place(samples)
    assert kinship.upstream((samples * 2).flatten(1), [place]) == (place, False)
    assert kinship.upstream(torch.cat([torch.randn(2, 3, 2, 2), samples]), [place])[0] == place
    assert kinship.upstream(samples.detach() * 2, [place]) == (-1, False)
    assert kinship.upstream(-samples, [place]) == (place, True)


def test_ends_are_known_behind_views():
    x = torch.randn(4, 1, requires_grad=True)
    assert kinship.end(torch.sigmoid(x * 2).view(-1)) == "sigmoid"
    assert kinship.end(torch.tanh(x).squeeze(1).unsqueeze(0)) == "tanh"
    assert kinship.end(torch.sigmoid(x) * 2) == ""


def test_whose_weights_a_gradient_would_reach():
    layer, other = nn.Linear(3, 2), nn.Linear(3, 2)
    out = layer(torch.randn(4, 3)).relu()
    assert kinship.reaches(out, {id(p) for p in layer.parameters()})
    assert not kinship.reaches(out, {id(p) for p in other.parameters()})
    layer.requires_grad_(False)
    out = layer(torch.randn(4, 3, requires_grad=True))
    assert not kinship.reaches(out, {id(p) for p in layer.parameters()})


def test_a_distorted_sample_is_likest_to_its_own():
    x = torch.randn(8, 1, 6, 6)
    assert kinship.likeness(x + 0.3 * torch.randn_like(x), x) > 0.8
    assert kinship.likeness(torch.randn_like(x), x) < 0.2
    assert kinship.likeness(torch.randn(8, 1, 5, 5), x) == 0.0


def test_a_call_that_is_set_aside_leaves_no_trace():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    loss = net(torch.randn(6, 3)).sum()  # its graph holds the running averages
    buffers = {name: (id(b), b._version, b.clone()) for name, b in net.named_buffers()}
    state = torch.get_rng_state()
    with torch.no_grad(), kinship.set_aside(net):
        net(torch.randn(6, 3))
    assert torch.equal(torch.get_rng_state(), state)
    for name, buffer in net.named_buffers():
        known, version, value = buffers[name]
        assert (id(buffer), buffer._version) == (known, version)
        assert torch.equal(buffer, value)
    loss.backward()


def test_the_users_line_is_this_one():
    here = user_line()
    assert here.startswith("test_kinship.py:")
