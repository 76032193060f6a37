"Plates have their place on the vehicle."
import numpy as np

from alpr_nb.drawing.streets.vehicles import new_vehicle


def test_slots_lie_on_the_vehicle():
    rng = np.random.default_rng(0)
    for _ in range(300):
        v = new_vehicle(rng)
        assert abs(v.slot[0]) + 200 < v.size[0]/2 + 100 and 280 < v.slot[1] < v.size[1] - 100
