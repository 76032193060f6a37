"YOLO labels: numbers within the image, and back to the box."
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.data.labelme import Shape
from alpr_nb.data.yolo_labels import clip_shapes, yolo_boxes, yolo_line


@settings(max_examples=200, deadline=None)
@given(st.integers(10, 2000), st.integers(10, 2000), st.data())
def test_yolo_numbers(w, h, data):
    "Within 0 to 1 whatever the box was, and back to the clipped box within a thousandth of the image"
    strip = data.draw(st.integers(0, h - 10))
    x1, y1 = data.draw(st.floats(-50, w - 1)), data.draw(st.floats(-50, h - 1))
    x2, y2 = data.draw(st.floats(max(x1, 0) + 1, w + 50)), data.draw(st.floats(max(y1, 0) + 1, h + 50))
    if min(x2, w) - max(x1, 0) < 1 or min(y2, h) - max(y1, 0) < 1: return
    for s in clip_shapes([Shape('A', (x1, y1, x2, y2))], w, h, strip):
        assert s.box == (max(x1, 0), max(y1, 0), min(x2, w), min(y2, h - strip))
        line = yolo_line(3, s.box, w, h - strip)
        assert all(0 <= float(v) <= 1 for v in line.split()[1:])
        (n, box), = yolo_boxes(line, w, h - strip)
        assert n == 3 and np.allclose(box, s.box, atol=1e-3*max(w, h))
