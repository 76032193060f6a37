"Drawn photographs and crops of plates, in any number and file format."
from alpr_nb.serving.runtimes.drawn_photos import draw_photos # noqa: F401
