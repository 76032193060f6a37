"Walls of every kind, also where hardly anything of one is in the picture."
import numpy as np
import pytest

from alpr_nb.drawing.steel.walls import WALL_KINDS, WallPlan, draw_wall


@pytest.mark.parametrize('width', [1, 2, 5, 14, 40])
@pytest.mark.parametrize('kind', WALL_KINDS)
def test_a_wall_of_which_hardly_anything_shows(kind, width):
    plan = WallPlan(kind, (6000, 2600), (90, 60, 50))
    wall = draw_wall(np.random.default_rng(0), plan, (100, 100, 100 + width*20, 2100), .05, lambda *_: None, .5)
    assert wall.canvas.image.shape[1] >= 1 and np.isfinite(wall.seen([(110, 500)])).all()
