"Plots are legible: labels do not overlap each other, and legends do not cover data."
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from alpr_nb.evaluation import limits, plots
from alpr_nb.evaluation.summary import BIN_EDGES, bin_labels


@pytest.fixture(autouse=True)
def style():
    plots.theme()
    yield
    plt.close('all')


def bins(edges):
    "Every bin of a property, `unknown` included, as `accuracy_by` returns it."
    names = bin_labels(pd.Series([], dtype=float), edges).cat.categories
    return pd.DataFrame(dict(bin=names, accuracy=.5, low=.3, high=.99, n=1234))


def overlaps(boxes):
    return [(i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes[:i]) if a.overlaps(b)]


def unreadable(fig):
    "Texts of a figure that overlap a neighbour, and legends that cover their axes."
    fig.canvas.draw()
    renderer, found = fig.canvas.get_renderer(), []
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            labels = [t for t in axis.get_ticklabels() if t.get_text() and t.get_visible()]
            if any(t.get_rotation() % 90 for t in labels): # turned: their distance must exceed the height of a line
                at = [t.get_window_extent(renderer).x1 for t in labels]
                height = labels[0].get_fontsize()*fig.dpi/72
                if min(np.diff(at)) < height*np.sin(np.radians(labels[0].get_rotation())): found.append('turned labels')
            elif overlaps([t.get_window_extent(renderer) for t in labels]): found.append([t.get_text() for t in labels])
        if overlaps([t.get_window_extent(renderer) for t in ax.texts
                     if t.get_text().removeprefix('n=').isdigit()
                     and t.get_position()[1] > 1]): found.append('counts')
        legend = ax.get_legend()
        area = ax.get_window_extent(renderer)
        if legend and legend.get_window_extent(renderer).overlaps(area): found.append('legend')
    return found


def test_bars_with_every_bin():
    tables = {by: bins(edges) for by, edges in BIN_EDGES.items()}
    tables |= dict(format=bins([0, 1, 2]), length=bins([0, 1]))
    assert unreadable(plots.accuracy_by_property_plot(tables)) == []
    table = pd.concat([bins(by.edges).assign(property=name) for name, by in limits.PROPERTIES.items()])
    assert unreadable(limits.limits_plot(table)) == []


def test_thresholds_with_many_curves():
    table = pd.DataFrame([(t, s, .9, .8, 1.) for s in plots.STRATEGY_LABELS for t in (.2, .5, .9)],
                         columns=['threshold', 'strategy', 'accuracy', 'low', 'high'])
    published = {name: {'acc@0.2': .9, 'acc@0.9': .1} for name in ('the thesis', 'a second source with a long name')}
    assert unreadable(plots.threshold_plot(table, 'validation', published)) == []


def test_reliability():
    table = pd.DataFrame([(of, x, x + .02, 900) for of in ('code', 'character') for x in np.linspace(.05, .95, 10)],
                         columns=['of', 'confidence', 'right', 'n'])
    assert unreadable(plots.reliability_plot(table)) == []


def test_confusions_of_the_whole_alphabet():
    letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
    table = pd.DataFrame(dict(actual=[*letters], predicted=[*letters[1:], 'none']))
    assert unreadable(plots.confusion_plot({'Raw characters': table, 'Format decoding': table})) == []


def test_an_overlap_is_found():
    fig, ax = plt.subplots(figsize=(3, 2), layout='none')
    ax.bar([f'a long label {i}' for i in range(9)], 1, label='a legend that lies on the bars')
    ax.legend()
    assert len(unreadable(fig)) == 2
