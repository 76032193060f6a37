"The reader in TypeScript: its own tests, the command for Node, and the page in Chromium, compared with Python."
import json
import os
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from alpr_nb.inference.bundle import write_bundle
from alpr_nb.inference.config import ReaderConfig
from alpr_nb.inference.read_command import read_lines
from alpr_nb.inference.reader import Reader
from alpr_nb.inference.rectify import RectifierConfig
from alpr_nb.serving.runtimes.external_reader import benchmark_external, run_external, summarise
from alpr_nb.serving.runtimes.graphs import write_graphs
from browser import CHROMIUM, Browser
from conftest import ROOT
from drawn_photos import draw_photos
from onnx_models import corner_model, fixed_model, text_model

WEB = ROOT/'apps/web'
BUNDLE = ROOT/'alpr_nb/bundles/truck'

pytestmark = pytest.mark.skipif(not shutil.which('npm') or not (WEB/'node_modules').is_dir(),
                                reason='npm ci --ignore-scripts was not run in apps/web')
SHARE = int(os.environ.get('ALPR_NB_WEB_SHARE', 10)) # 1: 200 photographs and 100 crops; 10: a tenth of them


def npm(*words):
    done = subprocess.run(['npm', 'run', '--silent', *words], cwd=WEB, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope='module')
def built():
    "Page and command, from the present sources."
    npm('build')
    return WEB


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return draw_all(tmp_path_factory.mktemp('drawn'), 200//SHARE, 100//SHARE)


def draw_all(folder, photos, crops):
    "Folders of photographs and crops, as PNG and as JPEG."
    for task, count in (('cd', photos), ('cr', crops)):
        for suffix in ('.png', '.jpg'): draw_photos(folder/f'{task}{suffix}', count, task, suffix, seed=25)
    return folder


def command(bundle='{bundle}'): return f"node {WEB/'dist-node/read.js'} --bundle {bundle}"


@pytest.fixture(scope='module')
def quantised(tmp_path_factory):
    "The released bundle with NMS in its models, and the weights of character recognition in 8 bits."
    folder = tmp_path_factory.mktemp('quantised')/'bundle'
    write_graphs(BUNDLE, folder, ('cr',))
    return folder


def assert_99_percent(metrics, differences):
    "One image in a hundred may have other codes, and one in a smaller share. Its photograph is among the differences."
    print(metrics, differences)
    assert metrics['readings'] > metrics['images']//2 and metrics['images with an error of one'] == 0
    assert metrics['images with other codes'] <= max(1, metrics['images']//100), differences


def test_vitest(built):
    npm('test')


@pytest.mark.parametrize('task', ['cd', 'cr'])
@pytest.mark.parametrize('suffix, share', [('.png', 1.), ('.jpg', .99)])
def test_node_reads_as_python(built, images, tmp_path, task, suffix, share):
    metrics = benchmark_external(command(), [images/f'{task}{suffix}'], tmp_path, BUNDLE, crop=task == 'cr')
    print('node', task, suffix, metrics, (tmp_path/'differences.jsonl').read_text())
    assert metrics['readings'] > metrics['images']//2 # otherwise nothing was compared
    assert metrics['same codes'] >= share, (tmp_path/'differences.jsonl').read_text()
    if suffix == '.png': assert metrics['images with other boxes'] == 0


@pytest.fixture(scope='module')
def leaning(tmp_path_factory):
    "A bundle with a corner network. It finds one plate in every photograph and one code in every crop."
    folder = tmp_path_factory.mktemp('leaning')
    (folder/'cd.onnx').write_bytes(fixed_model([[256, 144, 180, 60, 1, .9]]))
    (folder/'cr.onnx').write_bytes(text_model('ABC1D23'))
    (folder/'corners.onnx').write_bytes(corner_model([.15, .25, .8, .1, .85, .7, .2, .9]))
    config = ReaderConfig(scope='leaning', formats=dict(old='LLLNNNN', mercosul='LLLNLNN'), retry_below=0.,
                          rectifier=RectifierConfig(aspects=(400/130,)))
    names = [folder/f'{name}.onnx' for name in ('cd', 'cr', 'corners')]
    write_bundle(folder/'leaning', names[0], names[1], config, names[2])
    return folder/'leaning'


@pytest.mark.parametrize('task', ['cd', 'cr'])
@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_node_with_quantised_graphs_reads_as_python(built, images, quantised, tmp_path, task, suffix):
    folder = images/f'{task}{suffix}'
    metrics = benchmark_external(command(quantised), [folder], tmp_path, BUNDLE, crop=task == 'cr') # Python: float32
    assert_99_percent({'reader': f'node {task} {suffix}'} | metrics, (tmp_path/'differences.jsonl').read_text())


def assert_same_quads(ours, theirs):
    "The same readings, with the same corners and characters in the same places: at most half a pixel apart."
    def places(line): return [[p for r in line['readings'] for p in r['quad']],
                              [c['box'] for r in line['readings'] for c in r['chars']]]
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert [r['code'] for r in a['readings']] == [r['code'] for r in b['readings']] == ['ABC1D23']
        (x1, y1), (x2, y2), *_ = a['readings'][0]['quad']
        assert abs(y2 - y1) > 5 # it leans, so the crop was made upright
        for own, other in zip(places(a), places(b)): assert np.abs(np.subtract(own, other)).max() <= .5


def test_node_makes_leaning_codes_upright_as_python(built, images, leaning):
    paths = sorted((images/'cd.png').iterdir())[:5]
    ours = [json.loads(text) for text, _ in read_lines(Reader(bundle=leaning), paths, as_json=True)]
    assert_same_quads(ours, run_external(command(leaning), paths))


@pytest.mark.browser
def test_the_page_makes_leaning_codes_upright_as_python(tab, images, leaning):
    paths = sorted((images/'cd.png').iterdir())[:5]
    ours = [json.loads(text) for text, _ in read_lines(Reader(bundle=leaning), paths, as_json=True)]
    found = [tab.js(f"alprRead('images/cd.png/{p.name}', '{p.name}', 'leaning', false)") for p in paths]
    assert_same_quads(ours, found)


@pytest.fixture(scope='module')
def site(built, images, leaning, quantised):
    "Address of a server with the page, of the images below /images, and of the bundles `leaning` and `quantised`."
    folders = {'/bundles/leaning/': leaning, '/bundles/quantised/': quantised, '/images/': images}

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_): pass

        def translate_path(self, path):
            start = next((f for f in folders if path.startswith(f)), None)
            return str(folders[start]/path.removeprefix(start)) if start else super().translate_path(path)

    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Handler, directory=WEB/'dist'))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/'
    server.shutdown()


@pytest.fixture(scope='module')
def tab(site):
    if not CHROMIUM: pytest.skip('no Chromium')
    with Browser() as b:
        b.open(site)
        b.wait("document.getElementById('status').textContent === 'Ready.'")
        yield b


def read_in_browser(tab, folder, crop, bundle='truck'):
    "A line as `read --json` for each image."
    return [tab.js(f"alprRead('images/{folder.name}/{p.name}', '{p}', '{bundle}', {str(crop).lower()})")
            for p in sorted(folder.iterdir())]


@pytest.mark.browser
@pytest.mark.parametrize('task', ['cd', 'cr'])
@pytest.mark.parametrize('suffix, share', [('.png', 1.), ('.jpg', .99)])
def test_the_page_reads_as_python(tab, images, task, suffix, share):
    folder, crop = images/f'{task}{suffix}', task == 'cr'
    ours = [json.loads(text) for text, _ in read_lines(Reader(bundle=BUNDLE), [folder], crop, as_json=True)]
    metrics, differences = summarise(ours, read_in_browser(tab, folder, crop))
    print('browser', task, suffix, metrics, differences)
    assert metrics['same codes'] >= share, differences
    if suffix == '.png': assert metrics['images with other boxes'] == 0, differences


@pytest.mark.browser
@pytest.mark.parametrize('task', ['cd', 'cr'])
@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_the_page_with_quantised_graphs_reads_as_python(tab, images, task, suffix):
    folder, crop = images/f'{task}{suffix}', task == 'cr'
    ours = [json.loads(text) for text, _ in read_lines(Reader(bundle=BUNDLE), [folder], crop, as_json=True)]
    metrics, differences = summarise(ours, read_in_browser(tab, folder, crop, 'quantised'))
    assert_99_percent({'reader': f'browser {task} {suffix}'} | metrics, differences)


@pytest.mark.browser
def test_the_page_asks_no_other_host_and_fits_a_phone(tab, site, images):
    for width in (1280, 390):
        tab.screen(width)
        tab.open(site)
        tab.wait("document.getElementById('status').textContent === 'Ready.'")
        choose(tab, f"images/cd.png/{sorted((images/'cd.png').iterdir())[0].name}", 'a.png')
        tab.wait("/code/.test(document.getElementById('status').textContent)")
        assert tab.width() <= width and tab.foreign() == [] and tab.errors == []
        assert tab.js("document.querySelectorAll('.code').length") >= 1
        assert tab.js("document.getElementById('view').getAttribute('aria-label')").startswith('The photograph with')
        labels = "[...document.querySelectorAll('input, select')].every(e => e.labels.length)"
        assert tab.js(labels) # a screen reader names every control


def choose(tab, url, name):
    "Give a file to the page, as a person does with the file dialogue."
    tab.js(f'''(async () => {{
        const files = new DataTransfer()
        files.items.add(new File([await (await fetch('{url}')).blob()], '{name}'))
        const input = document.getElementById('file')
        input.files = files.files
        input.dispatchEvent(new Event('change'))
    }})()''')


@pytest.mark.browser
def test_the_page_says_what_is_wrong_with_a_file_and_forgets_the_former_one(tab, site, images):
    tab.open(site)
    tab.wait("document.getElementById('status').textContent === 'Ready.'")
    choose(tab, f"images/cd.png/{sorted((images/'cd.png').iterdir())[0].name}", 'a.png')
    tab.wait("document.querySelectorAll('.code').length")
    choose(tab, 'index.html', 'page.jpg')
    tab.wait("document.getElementById('status').className === 'error'")
    assert 'not an image' in tab.js("document.getElementById('status').textContent")
    assert tab.js("document.getElementById('view').hidden && !document.querySelectorAll('.code').length")


@pytest.mark.browser
def test_the_page_works_without_a_network(tab, site):
    tab.open(site)
    tab.wait("document.getElementById('status').textContent === 'Ready.'")
    tab.js('navigator.serviceWorker.ready.then(() => true)')
    tab.call('Network.emulateNetworkConditions', offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    try:
        tab.open(site)
        tab.wait("document.getElementById('status').textContent === 'Ready.'")
    finally:
        tab.call('Network.emulateNetworkConditions', offline=False, latency=0, downloadThroughput=-1,
                 uploadThroughput=-1)


@pytest.mark.browser
def test_a_browser_without_simd_gets_a_sentence(tab, site):
    script = tab.call('Page.addScriptToEvaluateOnNewDocument', source='WebAssembly.validate = () => false')
    try:
        tab.open(site)
        tab.wait("/SIMD/.test(document.getElementById('status').textContent)", 10)
    finally: tab.call('Page.removeScriptToEvaluateOnNewDocument', identifier=script['identifier'])
