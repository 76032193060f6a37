"A notebook opens in JupyterLab with its kernel, runs, and its explorer reacts to a click."
import os
import socket
import subprocess

import cv2
import nbformat
import numpy as np
import pytest

from alpr_nb.data.labelme import Annotation, Shape, write_labelme
from browser import CHROMIUM, Browser
from conftest import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason='no Chromium here: `apt install chromium` to try JupyterLab in a browser'),
]


@pytest.fixture
def lab(tmp_path):
    "The address of a notebook in a JupyterLab that ignores the user's settings."
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    own = {f'JUPYTER_{name}_DIR': str(tmp_path/'.jupyter'/name) for name in ('CONFIG', 'DATA', 'RUNTIME')}
    with (tmp_path/'lab.log').open('w') as log:
        options = [f'--port={port}', '--ServerApp.port_retries=0', '--IdentityProvider.token=t',
                   '--LabApp.expose_app_in_browser=True', '--LabApp.news_url=None',
                   '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate']
        process = subprocess.Popen(['jupyter', 'lab', '--no-browser', '--allow-root', *options], cwd=tmp_path,
                                   env=os.environ | own | dict(PYTHONPATH=str(ROOT)), stdout=log, stderr=log)
        yield f'http://127.0.0.1:{port}/lab/tree/look.ipynb?token=t'
        process.terminate()
        try: process.wait(60)
        finally: process.kill()


def test_a_notebook_runs_and_its_explorer_answers(lab, tmp_path):
    for n in range(2):
        cv2.imwrite(str(tmp_path/f'{n}.png'), np.full((40, 120, 3), 200, np.uint8))
        write_labelme(tmp_path/f'{n}.json', Annotation(f'{n}.png', 120, 40, (Shape('AB'[n], (5, 5, 25, 35)),)))
    source = f'from alpr_nb.reports.explorer import explore_samples\nexplore_samples({str(tmp_path)!r})'
    cell = nbformat.v4.new_code_cell(source)
    kernel = dict(kernelspec=dict(name='python3', display_name='python3', language='python'))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), tmp_path/'look.ipynb')
    with Browser() as browser:
        browser._until(lambda: opened(browser, lab), 120, 'JupyterLab did not answer')
        first_notebook = "(window.notebook = [...jupyterapp.shell.widgets('main')][0])"
        browser.wait(f"{first_notebook}.sessionContext.session.kernel.status == 'idle'", 120)
        browser.js("jupyterapp.shell.activateById(notebook.id); 0")
        browser.js("jupyterapp.commands.execute('notebook:run-all-cells'); 0")
        said = "document.querySelector('.jp-OutputArea').innerText"
        browser.wait(f"{said}.includes('0.png, 120 x 40 px, 1 box: A')", 120)
        browser.wait("document.querySelector('.jp-OutputArea img').naturalWidth == 500")
        browser.js("document.querySelector('button[title=\"next\"]').click()")
        browser.wait(f"{said}.includes('1.png, 120 x 40 px, 1 box: B')")
        # On a busy machine JupyterLab reports that its own plugins take long to activate.
        assert [e for e in browser.errors if 'to activate' not in e] == []
        assert browser.foreign() == []


def opened(browser, address):
    "Open the page if the server answers; returns whether it does."
    port = int(address.split(':')[2].split('/')[0])
    with socket.socket() as s:
        if s.connect_ex(('127.0.0.1', port)): return False
    return browser.open(address)
