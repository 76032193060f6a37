"JupyterLab as a person meets it: a notebook opens with its kernel, runs, and its explorer answers a click."
import os
import socket
import subprocess

import cv2
import nbformat
import numpy as np
import pytest
from browser import CHROMIUM, Browser
from conftest import ROOT

from alpr_nb.data.labelme import Annotation, Shape, write_labelme

pytestmark = pytest.mark.skipif(not CHROMIUM, reason='no Chromium here: `apt install chromium` to try JupyterLab in a browser')


@pytest.fixture
def lab(tmp_path):
    "The address of a JupyterLab in a folder, which knows nothing of this person's settings."
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    own = {f'JUPYTER_{name}_DIR': str(tmp_path/'.jupyter'/name) for name in ('CONFIG', 'DATA', 'RUNTIME')}
    with (tmp_path/'lab.log').open('w') as log:
        process = subprocess.Popen(['jupyter', 'lab', '--no-browser', '--allow-root', f'--port={port}', '--ServerApp.port_retries=0', '--IdentityProvider.token=t',
                                    '--LabApp.expose_app_in_browser=True', '--LabApp.news_url=None', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate'],
                                   cwd=tmp_path, env=os.environ | own | dict(PYTHONPATH=str(ROOT)), stdout=log, stderr=log)
        yield f'http://127.0.0.1:{port}/lab/tree/look.ipynb?token=t'
        process.terminate()
        try: process.wait(60)
        finally: process.kill()


def test_a_notebook_runs_and_its_explorer_answers(lab, tmp_path):
    for n in range(2):
        cv2.imwrite(str(tmp_path/f'{n}.png'), np.full((40, 120, 3), 200, np.uint8))
        write_labelme(tmp_path/f'{n}.json', Annotation(f'{n}.png', 120, 40, (Shape('AB'[n], (5, 5, 25, 35)),)))
    cell = nbformat.v4.new_code_cell(f'from alpr_nb.reports.explorer import explore_samples\nexplore_samples({str(tmp_path)!r})')
    kernel = dict(kernelspec=dict(name='python3', display_name='python3', language='python'))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), tmp_path/'look.ipynb')
    with Browser() as browser:
        browser._until(lambda: opened(browser, lab), 120, 'JupyterLab did not answer')
        browser.wait("(window.notebook = [...jupyterapp.shell.widgets('main')][0]).sessionContext.session.kernel.status == 'idle'", 120)
        browser.js("jupyterapp.shell.activateById(notebook.id); jupyterapp.commands.execute('notebook:run-all-cells'); 0")
        said = "document.querySelector('.jp-OutputArea').innerText"
        browser.wait(f"{said}.includes('0.png, 120 x 40 px, 1 box: A')", 120)
        browser.wait("document.querySelector('.jp-OutputArea img').naturalWidth == 500")
        browser.js("document.querySelector('button[title=\"the next\"]').click()")
        browser.wait(f"{said}.includes('1.png, 120 x 40 px, 1 box: B')")
        assert [e for e in browser.errors if 'to activate' not in e] == [] # JupyterLab says so of its own plugins on a busy machine
        assert browser.foreign() == []


def opened(browser, address):
    "Whether the server answers, and if so, with its page open."
    with socket.socket() as s:
        if s.connect_ex(('127.0.0.1', int(address.split(':')[2].split('/')[0]))): return False
    return browser.open(address)
