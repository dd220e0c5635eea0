"""One puppet, drawn afresh: the clip itself is kept from an earlier day."""

import numpy as np
import skimage.data

from streamer.demo.puppet import Pose, Puppet


def test_a_pose_of_numpys_numbers_is_drawn_as_one_of_pythons():
    puppet = Puppet(np.ascontiguousarray(skimage.data.astronaut()[:256, 96:352]))
    plain = Pose(0.08, 0.05, 0.4, (1.5, -0.5), 0.02, 1.01)
    numpys = Pose(
        *(np.float64(x) for x in (0.08, 0.05, 0.4)), (np.float64(1.5), np.float64(-0.5)), *np.array([0.02, 1.01])
    )
    drawn = puppet.draw(plain)
    assert drawn.dtype == np.uint8 and drawn.shape == (256, 256, 3)
    np.testing.assert_array_equal(puppet.draw(numpys), drawn)
    assert np.abs(drawn.astype(int) - puppet.draw(Pose(0.0, 0.0, 0.0, (0.0, 0.0), 0.0, 1.0))).max() > 20
