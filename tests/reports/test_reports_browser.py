"Reports in a real browser: made in seconds, clicked through, on a desk and on a telephone, light and dark."
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from alpr_nb.evaluation.error_gallery import render_errors
from alpr_nb.reports.dvc_experiments import Curves, Row
from alpr_nb.reports.experiment_page import runs_section
from alpr_nb.reports.index_page import render_index
from alpr_nb.workflow.html_page import page, write_page
from alpr_nb.workflow.notebook_html import render_report
from browser import CHROMIUM, Browser
from fabricated import benchmark

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: `apt install chromium` to try the reports in a browser"),
]
CARS = [('ABC1234', 'ABC1234', .99), ('QAB1234', 'OAB1234', .93), ('ABC1D23', 'ABC1D2', .6), ('XYZ0001', '', 0.)]
CROPS = [('ABC1234', 'ABC1234', .95), ('QQQ1234', 'OOQ1234', .7), ('BBB8888', '8BB8888', .85)]


@pytest.fixture(scope='module')
def reports(tmp_path_factory):
    "The reports of a project with two benchmark sets, a stage page that ran in a notebook, and experiments."
    root = tmp_path_factory.mktemp('project')
    (root/'params.yaml').write_text('scope: {name: truck}\n')
    for name, readings in dict(cars=CARS, crops=CROPS).items(): benchmark(root/'outputs/truck/benchmark'/name, readings)
    cells = [new_markdown_cell('# Benchmark\n\n> Read a set', id='title'), new_markdown_cell('## Table', id='table'),
             new_code_cell('print(1)', id='code', outputs=[
                 new_output('stream', name='stdout', text='a very long line of output without an end ' * 20),
                 new_output('display_data',
                            {'text/html': '<table><tr>' + '<td>0.945 (0.893 to 0.980)</td>'*12 + '</tr></table>'}),
                 new_output('display_data', {'text/html': '<script src="https://cdn.example.org/x.js"></script>'
                                                          '<img src="https://example.org/x.png">'})])]
    nb = new_notebook(cells=cells,
                      metadata=dict(kernelspec=dict(name='python3', language='python', display_name='python3')))
    nbformat.write(nb, root/'benchmark-cars.ipynb')
    render_report(root/'benchmark-cars.ipynb', root/'benchmark-cars.ipynb', root/'reports/truck/benchmark-cars.html',
                  index=root/'reports/index.html')
    render_errors(root, 'truck')
    render_index(root, 'truck', .9, ['cars'])
    rows = [Row('workspace', 'workspace', 'workspace', state='has no results'), *(
        Row(n, f'yolov5{n}', 'experiment', params={'train.tasks.cd.cfg': f'yolov5{n}.yaml', 'seed': 0},
            metrics={'cd: mAP50': v, 'cd: epochs': 10}, models={'models/cd.onnx': (size, n*32)})
        for n, v, size in (('a', .9, 3_600_000), ('b', .95, 14_000_000))),
        Row('c'*40, 'ccccccc', 'commit', subject='Words', state='no run of its own')]
    curves = [Curves('mAP50 by epoch', 'epoch', 'mAP50', dict(a=[(0., .4), (1., .9)], b=[(0., .5), (1., .95)]))]
    write_page(page('Experiments', runs_section(rows, curves, dict(a=0, b=1)), back='index.html'),
               root/'reports/experiments.html')
    return root/'reports'


@pytest.fixture(scope='module')
def browser():
    with Browser() as b: yield b


PAGES = 'index.html', 'truck/errors.html', 'truck/benchmark-cars.html', 'experiments.html'

@pytest.mark.parametrize('name', PAGES)
def test_a_page_is_whole_offline_and_narrow(browser, reports, name):
    for width, dark in ((1280, False), (390, True)):
        browser.screen(width, 844, dark)
        browser.open(reports/name)
        assert browser.errors == [] and browser.foreign() == [] and browser.requests
        assert browser.width() <= width, f'{name} is {browser.width()} px wide on a screen of {width}'
        paper, ink = (
            json.loads(browser.js(f'JSON.stringify(getComputedStyle(document.body).{k}.match(/[0-9]+/g).map(Number))'))
            for k in ('backgroundColor', 'color'))
        assert (sum(paper) < sum(ink)) == dark, 'the page takes the colours of the system'
        assert browser.js(
            'document.querySelectorAll("img:not([alt]),svg:not([aria-label]):not([aria-hidden])").length') == 0
        assert browser.js('[].every.call(document.images, i => i.complete && i.naturalWidth > 0)')

def test_what_is_wrong_is_noticed(browser, tmp_path):
    "The checks above can fail: an error, a warning of the policy, a page that is too wide."
    file = tmp_path/'bad.html'
    file.write_text('<img src="http://example.invalid/a.png"><div style="width:900px">wide</div>'
                    '<script>console.error("mine"); nothing()</script>')
    browser.screen(390)
    browser.open(file)
    assert any('mine' in e for e in browser.errors) and any('nothing is not defined' in e for e in browser.errors)
    assert browser.foreign() == ['http://example.invalid/a.png'] and browser.width() >= 900

@pytest.fixture
def failures(browser, reports):
    "The error page, freshly opened, and what a person does there."
    browser.screen(1280)
    browser.open('about:blank')
    browser.open(reports/'truck/errors.html')
    class Page:
        def choose(self, name, value):
            browser.js(
                f'(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event("input", {{bubbles: true}})) }})'
                f'(document.querySelector("[name={name}]"))')
        def listed(self):
            return browser.js('[].filter.call(document.querySelectorAll(".failures li"), l => l.offsetParent)'
                              '.map(l => l.querySelector("dd").innerText.replace(/\\s/g, ""))')
        def told(self): return browser.js('document.querySelector(".told").innerText')
        def options(self, name):
            return browser.js(f'[].map.call(document.querySelector("[name={name}]").options, o => o.innerText)')
    return Page()

def test_failures_are_sorted_and_filtered(failures, browser):
    assert failures.listed() == ['QAB1234', 'BBB8888', 'QQQ1234', 'ABC1D23', 'XYZ0001']
    assert failures.told() == '5 failures'
    assert failures.options('set') == ['all sets', 'cars (3)', 'crops (2)']
    assert failures.options('kind')[:2] == ['all kinds', 'wrong character (3)']
    assert 'Q read as O (3)' in failures.options('characters')
    failures.choose('sort', 'lowest')
    assert failures.listed()[0] == 'XYZ0001'
    failures.choose('sort', 'worst')
    assert failures.listed()[0] == 'XYZ0001' and failures.listed()[1] == 'QQQ1234'
    failures.choose('characters', 'Q read as O')
    assert failures.listed() == ['QQQ1234', 'QAB1234'] and failures.told() == '2 of 5 failures'
    failures.choose('set', 'cars')
    assert failures.listed() == ['QAB1234']
    assert browser.js('location.hash') == '#set=cars&characters=Q+read+as+O&sort=worst'
    browser.js('document.querySelector(".again").click()')
    assert len(failures.listed()) == 5 and browser.js('location.hash') == ''
    failures.choose('least', '0.8')
    assert failures.listed() == ['QAB1234', 'BBB8888']
    failures.choose('text', 'bbb8')
    assert failures.listed() == ['BBB8888']
    failures.choose('kind', 'missed plate')
    assert failures.listed() == [] and failures.told() == '0 of 5 failures'

def test_a_link_opens_what_it_names(browser, reports):
    browser.screen(1280)
    browser.open(reports/'index.html')
    link = browser.js('[].find.call(document.querySelectorAll("a"), a => a.innerText === "B read as 8").href')
    browser.open('about:blank')
    browser.open(link)
    assert browser.js('document.querySelector(".told").innerText') == '1 of 5 failures'
    assert browser.js('document.querySelector("[name=characters]").value') == 'B read as 8' and browser.errors == []

def test_the_keyboard_is_enough(failures, browser):
    names = []
    for _ in range(8):
        browser.press('Tab')
        names.append(browser.js('document.activeElement.name || document.activeElement.className || '
                                'document.activeElement.tagName'))
    assert names == ['A', 'set', 'kind', 'characters', 'sort', 'text', 'least', 'again']
    browser.js('document.querySelector("[name=text]").focus()')
    for key in 'xyz': browser.press(key)
    assert failures.listed() == ['XYZ0001']
    browser.js('document.querySelector(".again").focus()')
    browser.press('Enter')
    assert len(failures.listed()) == 5

def test_paper_has_the_failures_and_no_controls(failures, browser):
    browser.call('Emulation.setEmulatedMedia', media='print')
    try:
        assert browser.js('getComputedStyle(document.querySelector(".ask")).display') == 'none'
        assert len(failures.listed()) == 5
    finally: browser.call('Emulation.setEmulatedMedia', media='')

def test_experiments_differ_and_sort(browser, reports):
    browser.screen(1280)
    browser.open(reports/'experiments.html')
    names = lambda: browser.js('[].filter.call(document.querySelectorAll(".runs tbody tr"), r => !r.hidden)'
                               '.map(r => r.querySelector("b").innerText)')
    marked = lambda: browser.js('[].map.call(document.querySelectorAll(".differs"), '
                                'c => c.innerText.replace(/\\s+/g, " "))')
    assert names() == ['workspace', 'yolov5a', 'yolov5b']
    assert marked() == ['0.95 +0.05', 'yolov5b.yaml', '14.0 MB bbbbbbb']
    browser.js('document.querySelectorAll("[name=base]")[1].click()')
    assert marked() == ['0.9 −0.05', 'yolov5a.yaml', '3.6 MB aaaaaaa']
    browser.js('document.querySelectorAll("thead button")[1].click()')
    assert names() == ['yolov5b', 'yolov5a', 'workspace'], 'the best first'
    browser.js('document.querySelectorAll("thead button")[1].click()')
    assert names() == ['yolov5a', 'yolov5b', 'workspace']
    assert browser.js('document.querySelectorAll("th")[1].ariaSort') == 'ascending'
    browser.js('document.querySelectorAll("thead button")[0].click(); document.querySelector("[name=quiet]").click()')
    assert names() == ['workspace', 'yolov5a', 'yolov5b', 'ccccccc']
    browser.js('document.querySelector("[name=line]").click()')
    assert (browser.js('[].map.call(document.querySelectorAll("g[data-line]"), g => g.hasAttribute("hidden"))')
            == [True, False])
    browser.js('document.querySelector("[name=column]").click()')
    assert browser.js('getComputedStyle(document.querySelectorAll("thead th")[1]).display') == 'none'

def test_code_unfolds(browser, reports):
    browser.screen(1280)
    browser.open(reports/'truck/benchmark-cars.html')
    browser.js('document.querySelector("nav button").click()')
    assert browser.js('[].every.call(document.querySelectorAll("details"), d => d.open)') and browser.errors == []
    assert browser.js('document.querySelectorAll("[src^=http]").length') == 0
