"Grey photographs with LabelMe files, for sets whose codes are known."
import json

import cv2
import numpy as np


def photo(path, w=320, h=200):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((h, w, 3), 90, np.uint8))


def labelme(path, *plates):
    shapes = [dict(label='plate', points=[list(b[:2]), list(b[2:])], shape_type='rectangle', description=t)
              for t, b in plates]
    path.write_text(json.dumps(dict(shapes=shapes, imagePath=path.with_suffix('.jpg').name, imageHeight=200,
                                    imageWidth=320)))
