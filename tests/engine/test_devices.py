"""How many cores a rank may use."""

import pytest

from gansmith.engine import devices

SLURM = [{0, 1}, {2, 3}, {0, 1}, {2, 3}]  # two machines, whose cores were dealt out
PINNED = [{0, 1, 2, 3}] * 4  # a container, or taskset: the same for all
LAPPING = [{0, 1, 2}, {2, 3, 4}, {7}, {8, 9}]


@pytest.mark.parametrize(
    ("masks", "cores"),
    [(SLURM, [2, 2, 2, 2]), (PINNED, [2, 2, 2, 2]), (LAPPING, [1, 1, 1, 2])],
    ids=["dealt", "pinned", "lapping"],
)
def test_ranks_share_the_cores_that_several_of_them_have(monkeypatch, masks, cores):
    each = [(rank // 2, frozenset(mask)) for rank, mask in enumerate(masks)]
    monkeypatch.setattr(devices, "local_world", lambda: 2)
    for rank, expected in enumerate(cores):
        monkeypatch.setattr(devices, "_sharers", 0)
        monkeypatch.setattr(devices, "rank", lambda rank=rank: rank)
        monkeypatch.setattr(devices, "_affinity", lambda rank=rank: each[rank][1])
        monkeypatch.setattr(devices, "all_gathered", lambda mine: each)
        devices.deal_out()
        assert devices.cores() == expected
    monkeypatch.setattr(devices, "local_world", lambda: 1)
    assert devices.cores() == len(each[-1][1]), "a rank that computes alone has them all"
