"""The plan: its formula by hand, and beside a simulation of the same service."""

import pytest

from bench.plan_model import (
    BUSY,
    PARTS,
    Cost,
    Costs,
    Room,
    formula,
    load_costs,
    moments,
    most_rooms,
    quantile,
    servers_for,
    simulate,
    zipf,
)

NONE, SERVER = Cost(), Cost(0.01, 0.02, 0.002)


def costs(server=SERVER, engine=NONE):
    cores = dict.fromkeys(PARTS, NONE) | {"server": server, "engine": engine}
    return Costs(cores, NONE, 0.0, NONE, NONE)


def test_a_room_pays_for_each_stream_to_somebody_else():
    assert Cost(1.0, 10.0, 100.0).of(Room(2, 3)) == 1 + 2 * 10 + 100 * (2 * 1 + 2 * 3)
    assert Cost(1.0, 10.0, 100.0).of(Room(1, 0)) == 11


def test_sizes_are_zipf_like():
    sizes = dict(zipf(2, 1, power=1.0))
    assert sizes[Room(1, 0)] == pytest.approx(2 / 3 * 2 / 3)
    assert sizes[Room(2, 1)] == pytest.approx(1 / 3 * 1 / 3)
    assert sum(sizes.values()) == pytest.approx(1)


def test_moments_and_quantile_by_hand():
    sizes = [(Room(1, 0), 0.75), (Room(3, 0), 0.25)]
    mean, variance, third = moments(Cost(face=1.0), sizes)
    assert (mean, variance, third) == pytest.approx((1.5, 0.75, 0.75))
    assert quantile(5.0, 0.0, 0.0) == 5.0
    assert quantile(0.0, 1.0, 0.0) == pytest.approx(2.3263, abs=1e-4)
    # Poisson of 100: 99 % of moments see at most 124.
    assert quantile(100, 100, 100) == pytest.approx(124, abs=0.1)
    assert most_rooms(100, 10) == pytest.approx(quantile(100, 100, 100) / 10 + 0.5)


@pytest.mark.parametrize(("rooms", "servers"), [(20, 1), (100, 4), (400, 40)])
def test_the_formula_says_what_the_simulation_does(rooms, servers):
    sizes = zipf(4, 8)
    said = formula(costs(), sizes, rooms, servers)["server"]
    came = simulate(costs(), sizes, rooms, servers, 30_000)["server"]
    assert said == pytest.approx(came, rel=0.15)


def test_the_fewest_servers_that_hold_it():
    one, sizes = costs(), zipf(4, 8)
    count = servers_for(one, sizes, 300)
    assert max(formula(one, sizes, 300, count).values()) <= BUSY
    assert max(formula(one, sizes, 300, count - 1).values()) > BUSY
    assert servers_for(costs(engine=Cost(0.1)), sizes, 300) > count, "the busiest process decides"


def test_the_costs_that_are_kept_can_be_read():
    found = load_costs()
    assert set(found.cores) == set(PARTS) and found.idle > 100
    assert 0.02 < sum(moments(cost, [(Room(1, 1), 1.0)])[0] for cost in found.cores.values()) < 4
    assert found.inward.face > 0 and found.outward.pair > 0
