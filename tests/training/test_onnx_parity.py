"Parity: the comparison of an ONNX model with torch notices what it has to notice."
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from alpr_nb.training.dataset import read_yolo_folder
from alpr_nb.training.onnx_export import trace_to_onnx, traceable_model
from alpr_nb.training.onnx_parity import OnnxModel, compare_with_torch, deviation, validation_accuracy, worst_difference
from trainings import offline, project, undrawn, write_checkpoint # noqa: F401 (fixtures)


@pytest.fixture
def models(project):
    "A torch model, its ONNX file, and the data."
    write_checkpoint(project/'best.pt', random=True)
    model = traceable_model(project/'best.pt')
    trace_to_onnx(model, project/'m.onnx', 15)
    return model, project/'m.onnx', read_yolo_folder(project/'yolo')


def change_weights(file):
    "Scale every tensor of weights by a tenth."
    graph = onnx.load(file)
    for weight in graph.graph.initializer:
        if len(weight.dims) == 4:
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight)*np.float32(1.1), weight.name))
    onnx.save(graph, file)


def test_changed_weights_are_noticed(models):
    model, file, data = models
    assert worst_difference(compare_with_torch(file, model, data, [(32, 96), (64, 64)], [1, 2]))['difference'] < 1e-3
    change_weights(file)
    assert worst_difference(compare_with_torch(file, model, data, [(32, 96)], [1]))['difference'] > 1e-3


def test_an_output_of_another_shape_is_infinitely_far(models):
    model, file, data = models
    other = lambda x: model(x)[0][None, :, :, :6]
    assert compare_with_torch(file, other, data, [(32, 96)], [1])[0]['difference'] == float('inf')


def test_both_models_have_the_same_accuracy(models):
    model, file, data = models
    scores = [validation_accuracy(m, data, 96, max_images=2) for m in (model, OnnxModel(file, data.names))]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


@pytest.mark.parametrize('given, expected, difference', [([0, .5], [0, .5], 0), ([.2], [.1], .1), ([2200], [2000], .1),
                                                         ([-1.5], [-1], .5)])
def test_deviation_is_absolute_for_probabilities_and_relative_for_pixels(given, expected, difference):
    assert deviation(np.array(given, float), np.array(expected, float)) == pytest.approx(difference)


def test_not_a_number_is_the_worst_difference():
    assert np.isnan(worst_difference([dict(difference=d) for d in (1., float('nan'), .5)])['difference'])
