"Small ONNX graphs that stand for the trained models in tests."
import numpy as np
from onnx import helper as h
from onnx import numpy_helper as nh


def _save(nodes, width, constants, anchors='a', meta=None):
    graph = h.make_graph(nodes, 'test', [h.make_tensor_value_info('images', 1, ['n', 3, 'h', 'w'])],
                         [h.make_tensor_value_info('output0', 1, ['n', anchors, width])],
                         [nh.from_array(np.asarray(v), k) for k, v in constants.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid('', 15)], ir_version=8)
    if meta: h.set_model_props(model, meta)
    return model.SerializeToString()


def fixed_model(rows, **meta):
    "A model with the same output for every image: rows, (anchors, 5 + classes)."
    rows = np.float32(rows)[None]
    nodes = [h.make_node('Shape', ['images'], ['n'], start=0, end=1),
             h.make_node('Concat', ['n', 'tail'], ['to'], axis=0),
             h.make_node('Expand', ['rows', 'to'], ['output0'])]
    return _save(nodes, rows.shape[2], dict(rows=rows, tail=np.int64(rows.shape[1:])), rows.shape[1], meta)


def colour_model():
    "A model with one box in each cell of 8 px: red is the objectness, green and blue the probabilities of two classes."
    nodes = [h.make_node('AveragePool', ['images'], ['rgb'], kernel_shape=[8, 8], strides=[8, 8]),
             h.make_node('Split', ['rgb'], ['r', 'g', 'b'], axis=1),
             h.make_node('Mul', ['r', 'zero'], ['nil']), h.make_node('Add', ['nil', 'eight'], ['side']),
             h.make_node('CumSum', ['side', 'three'], ['right']), h.make_node('Sub', ['right', 'four'], ['x']),
             h.make_node('CumSum', ['side', 'two'], ['down']), h.make_node('Sub', ['down', 'four'], ['y']),
             h.make_node('Concat', ['x', 'y', 'side', 'side', 'r', 'g', 'b'], ['all'], axis=1),
             h.make_node('Reshape', ['all', 'flat'], ['cells']),
             h.make_node('Transpose', ['cells'], ['output0'], perm=[0, 2, 1])]
    constants = dict(zero=np.float32(0), eight=np.float32(8), four=np.float32(4), two=np.int64(2), three=np.int64(3),
                     flat=np.int64([0, 7, -1]))
    return _save(nodes, 7, constants)


ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'


def text_model(text, step=30, size=(24, 50), y=48, p=.9, rows=None, **meta):
    "A model that finds `text` in every crop, in reverse order; rows: characters in each row, which are 60 px apart."
    rows, out, k = rows or [len(text)], [], 0
    for r, n in enumerate(rows):
        for i in range(n):
            probs = np.full(len(ALPHABET), 1e-3); probs[ALPHABET.index(text[k])] = p; k += 1
            out.append([20 + step*i, y + 60*r, *size, 1, *probs])
    return fixed_model(np.array(out or np.zeros((1, 41)))[::-1], **meta)


def corner_model(corners):
    "A corner network: corners (8 shares of the window), moved by the mean red and blue of the window."
    weights = np.float32([[.04, 0, -.03, .05, 0, 0, .02, 0], [0]*8, [0, .05, 0, -.04, .03, 0, 0, .02]])
    nodes = [h.make_node('ReduceMean', ['images'], ['mean'], axes=[2, 3], keepdims=0),
             h.make_node('Gemm', ['mean', 'weights', 'corners'], ['quads'])]
    graph = h.make_graph(nodes, 'corners', [h.make_tensor_value_info('images', 1, ['n', 3, 96, 128])],
                         [h.make_tensor_value_info('quads', 1, ['n', 8])],
                         [nh.from_array(weights, 'weights'), nh.from_array(np.float32(corners), 'corners')])
    return h.make_model(graph, opset_imports=[h.make_opsetid('', 15)], ir_version=8).SerializeToString()
