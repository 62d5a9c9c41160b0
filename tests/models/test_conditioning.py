"""How classes enter the two nets."""

import torch

from gansmith.models.conditioning import ClassEmbedding, Projection


def test_without_classes_nothing_is_added():
    embed = ClassEmbedding(0, 4)
    z = torch.randn(3, 4)
    assert embed.outputs == 4
    assert embed(z, None) is z
    head = Projection(0, 5)
    h = torch.randn(3, 5)
    expected = h @ head.linear.weight[0] + head.linear.bias
    torch.testing.assert_close(head(h, None), expected)


def test_the_embedding_stands_beside_the_noise():
    embed = ClassEmbedding(7, 4)
    z, y = torch.randn(3, 4), torch.tensor([6, 0, 6])
    out = embed(z, y)
    assert embed.outputs == 8
    assert torch.equal(out[:, :4], z)
    assert torch.equal(out[:, 4:], embed.table.weight[y])


def test_the_projection_is_the_equation_of_miyato_and_koyama():
    head = Projection(3, 5)
    with torch.no_grad():
        head.table.weight.normal_()
    h, y = torch.randn(4, 5), torch.tensor([0, 2, 1, 2])
    found = head(h, y)
    for i in range(4):
        expected = (
            h[i] @ head.linear.weight[0] + head.linear.bias[0] + head.table.weight[y[i]] @ h[i]
        )
        torch.testing.assert_close(found[i], expected)
