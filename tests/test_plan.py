"""The plan: its formula by hand, and beside a simulation of the same service."""

import math

import numpy as np
import pytest

from bench.plan_model import (
    BUSY,
    PARTS,
    Cost,
    Costs,
    Room,
    as_rooms_see_it,
    formula,
    load_costs,
    mean,
    on_a_server,
    over,
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


def test_rooms_are_dealt_out_evenly_and_their_sizes_folded():
    shares = on_a_server(2.0, 2)
    poisson = [math.exp(-2.0) * 2.0**n / math.factorial(n) for n in range(30)]
    assert shares[0] == pytest.approx(poisson[0] + poisson[1] / 2)
    assert shares[1] == pytest.approx(poisson[1] / 2 + poisson[2] + poisson[3] / 2)
    sizes = [(Room(1, 0), 0.75), (Room(3, 0), 0.25)]
    assert mean(Cost(face=0.1), sizes) == pytest.approx(0.15)
    # Two rooms: 0.2 with 9/16, 0.4 with 6/16, 0.6 with 1/16.
    for q, most in ((0.5, 0.2), (0.6, 0.4), (0.93, 0.4), (0.95, 0.6)):
        assert quantile(Cost(face=0.1), sizes, {2: 1.0}, q) == pytest.approx(most)


def test_a_room_that_is_too_much_for_any_server_is_said():
    with pytest.raises(ValueError, match="too much"):
        servers_for(costs(Cost(BUSY + 0.01)), [(Room(1, 0), 1.0)], 10)


@pytest.mark.parametrize(("rooms", "servers"), [(20, 1), (100, 4), (400, 40)])
def test_the_formula_says_what_the_simulation_does(rooms, servers):
    sizes = zipf(4, 8)
    came = simulate(costs(), sizes, rooms, servers, 30_000)[:, PARTS.index("server")]
    assert formula(costs(), sizes, rooms, servers)["server"] == pytest.approx(np.quantile(came, 0.99), rel=0.15)
    shares = as_rooms_see_it(rooms, servers)
    assert over(SERVER, sizes, shares) == pytest.approx(np.mean(came > BUSY), abs=0.03)


def test_the_fewest_servers_that_hold_it():
    one, sizes = costs(), zipf(4, 8)
    count = servers_for(one, sizes, 300)
    assert max(formula(one, sizes, 300, count).values()) <= BUSY
    assert max(formula(one, sizes, 300, count - 1).values()) > BUSY
    assert servers_for(costs(engine=Cost(0.1)), sizes, 300) > count, "the busiest process decides"


def test_the_costs_that_are_kept_can_be_read():
    found = load_costs()
    assert set(found.cores) == set(PARTS) and found.idle > 100
    assert 0.02 < sum(mean(cost, [(Room(1, 1), 1.0)]) for cost in found.cores.values()) < 4
    assert found.inward.face > 0 and found.outward.pair > 0
