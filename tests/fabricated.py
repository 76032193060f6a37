"Projects that are made up in seconds: a benchmark with results, and experiments without a training."
import json
import subprocess
import sys

import cv2
import numpy as np

from alpr_nb.evaluation.error_gallery import crop_name
from alpr_nb.evaluation.error_kinds import error_kind, worst_first
from alpr_nb.evaluation.summary import compute_metrics

THRESHOLDS = '0.2', '0.5', '0.9'


def prediction(i, truth, code, confidence, **more):
    "A line of predictions.jsonl: a plate of 100 px whose characters were all seen with the same confidence."
    chars = [dict(char=c, confidence=confidence, box=[14*n, 2, 14*n + 12, 28]) for n, c in enumerate(code)]
    at = lambda t: code if confidence >= float(t) else ''
    p = dict(image=f'photo {i}.jpg', truth=truth, format='old', code=code, kind='',
             distance=sum(a != b for a, b in zip(truth, code)) + abs(len(truth) - len(code)),
             confidence=confidence, box=[0, 0, 100, 30] if code else None, truth_box=[0, 0, 100, 30], width=100.,
             tilt=0., chars=chars, others=[],
             reads={s: {t: at(t) for t in THRESHOLDS} for s in ('decoded', 'substituted', 'raw')},
             plates=[[0, 0, 100, 30]] if code else [], found=[[0, 0, 100, 30, .9]] if code else [],
             truth_boxes=[[0, 0, 100, 30]]) | more
    return p | dict(kind=error_kind(p))


def benchmark(folder, readings):
    "The results of a set; `readings`: (truth, code, confidence)."
    lines = [prediction(i, *r) for i, r in enumerate(readings)]
    (folder/'errors').mkdir(parents=True, exist_ok=True)
    (folder/'predictions.jsonl').write_text(''.join(json.dumps(p) + '\n' for p in lines))
    (folder/'metrics.json').write_text(json.dumps(compute_metrics(lines, False, .25, 100)))
    (folder/'latency.json').write_text(json.dumps(dict(n=len(lines), total_median=30., total_p95=44.)))
    for i, p in enumerate(worst_first(lines)):
        crop = cv2.putText(np.full((96, 300, 3), 230, np.uint8), p['truth'], (8, 66), cv2.FONT_HERSHEY_SIMPLEX, 1.6,
                           (30, 30, 30), 3)
        cv2.imwrite(str(folder/'errors'/crop_name(i, p)), crop)
    return lines


def git(root, *words):
    return subprocess.run(['git', *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def dvc(root, *words):
    return subprocess.run([sys.executable, '-m', 'dvc', *words], cwd=root, check=True, capture_output=True,
                          text=True).stdout


def repository(root):
    "An empty git and DVC repository."
    root.mkdir(parents=True, exist_ok=True)
    git(root, 'init', '-q', '-b', 'main')
    for key, value in {'user.name': 'test', 'user.email': 'test@example.org'}.items(): git(root, 'config', key, value)
    dvc(root, 'init', '-q')
    dvc(root, 'config', 'core.analytics', 'false')
    return root


TRAIN = """import json, pathlib, yaml
p = yaml.safe_load(open('params.yaml'))['train']['tasks']['cd']
large = p['cfg'] == 'yolov5s.yaml'
out = pathlib.Path('outputs/truck/cd'); out.mkdir(parents=True, exist_ok=True)
pathlib.Path('models/truck').mkdir(parents=True, exist_ok=True)
best = .95 if large else .9
rows = [f'{e},{best*(1 - .5**(e + 1)):.4f}' for e in range(p['epochs'])]
(out/'results.csv').write_text('epoch,metrics/mAP50\\n' + '\\n'.join(rows) + '\\n')
(out/'metrics.json').write_text(json.dumps(dict(mAP50=best, epochs=p['epochs'], interval=dict(mAP50=[.8, .99]))))
pathlib.Path('models/truck/cd.onnx').write_bytes(bytes(7000 if large else 2000))
"""
PIPELINE = """stages:
  train-cd:
    cmd: python train.py
    deps: [train.py]
    params: [train.tasks.cd]
    outs: [models/truck/cd.onnx, outputs/truck/cd/results.csv]
    metrics: [outputs/truck/cd/metrics.json: {cache: false}]
plots:
  - mAP50 by epoch:
      x: epoch
      y:
        outputs/truck/cd/results.csv: metrics/mAP50
"""


def experiments(root):
    "The thesis's own example: yolov5n, which is committed, against yolov5s."
    repository(root)
    (root/'train.py').write_text(TRAIN)
    (root/'dvc.yaml').write_text(PIPELINE.replace('cmd: python', f'cmd: {sys.executable}'))
    (root/'params.yaml').write_text('scope: {name: truck}\ntrain:\n  tasks:\n'
                                    '    cd: {cfg: yolov5n.yaml, weights: "", epochs: 4, lr0: 0.01}\n')
    git(root, 'add', '-A')
    git(root, 'commit', '-qm', 'A pipeline that has not run')
    dvc(root, 'repro', '-q')
    git(root, 'add', '-A')
    git(root, 'commit', '-qm', 'yolov5n, the baseline')
    dvc(root, 'exp', 'run', '-q', '-n', 'small', '-S', 'train.tasks.cd.cfg=yolov5s.yaml')
    dvc(root, 'exp', 'run', '-q', '-n', 'longer', '-S', 'train.tasks.cd.cfg=yolov5n.yaml', '-S',
        'train.tasks.cd.epochs=6')
    return root
