import torch

from models.separation.partner import places_of, rows_at, with_share_of_rest


def test_rows_find_each_other_by_number():
    rows = torch.tensor([7, 0, 3])
    assert places_of(torch.tensor([3, -1, 5, 7]), rows).tolist() == [2, -1, -1, 0]
    assert rows_at(rows[:, None] + 0.5, torch.tensor([2, -1])).tolist() == [[3.5], [0.0]]


def test_the_rest_is_what_neither_took_and_only_a_pair_shares_it():
    g = torch.Generator().manual_seed(0)
    X, Y = (torch.randn(3, 257, 4, dtype=torch.complex64, generator=g) for _ in range(2))
    X[1] = X[0]
    share = torch.rand(3, 257, 4, generator=g)
    beside = torch.tensor([1, 0, -1])
    got = with_share_of_rest(Y, X, share, beside)
    rest = X[0] - Y[0] - Y[1]
    torch.testing.assert_close(got[0], Y[0] + share[0] * rest)
    torch.testing.assert_close(got[1], Y[1] + share[1] * rest)
    torch.testing.assert_close(got[2], Y[2])
    whole = torch.cat([share[:1], 1 - share[:1], share[2:]])
    everything = with_share_of_rest(Y, X, whole, beside)
    torch.testing.assert_close(everything[0] + everything[1], X[0])
