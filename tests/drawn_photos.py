"Drawn photographs and crops of plates, in any number and file format."
import cv2
import numpy as np

from alpr_nb.drawing.settings import SynthesisSettings
from alpr_nb.drawing.synthesize import draw_crop_sample, draw_scene_sample


def draw_photos(folder, count, task='cd', suffix='.png', seed=0):
    "Write `count` scenes (`cd`) or crops (`cr`) into a new folder; returns their paths."
    folder.mkdir(parents=True)
    settings = SynthesisSettings(task=task, size=(960, 540), strength=.4, plate_width=(.12, .4), vehicles=1)
    draw = draw_scene_sample if task == 'cd' else draw_crop_sample
    out = []
    for i in range(count):
        image, *_ = draw(np.random.default_rng([seed, i]), settings, True)
        out.append(folder/f'{task}-{i:03}{suffix}')
        cv2.imwrite(str(out[-1]), image)
    return out
