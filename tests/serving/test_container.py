"The container's files say what the service needs, and its steps work in a fresh virtual environment."
import os
import re
import subprocess
import sys

import pytest
import yaml

from conftest import ROOT

DOCKERFILE = (ROOT/'Dockerfile').read_text()


def test_it_runs_as_nobody_on_a_read_only_disk_with_a_health_check():
    assert re.search(r'^USER 10001$', DOCKERFILE, re.M) and 'HEALTHCHECK' in DOCKERFILE
    service = yaml.safe_load((ROOT/'compose.yaml').read_text())['services']['alpr-nb']
    assert service['read_only'] and service['cap_drop'] == ['ALL']
    assert all(port.startswith('127.0.0.1:') for port in service['ports'])


def test_what_it_copies_is_not_ignored():
    copied = {word for words in re.findall(r'^COPY (?!--from)(.+)$', DOCKERFILE, re.M) for word in words.split()[:-1]}
    kept = {line[1:] for line in (ROOT/'.dockerignore').read_text().splitlines() if line.startswith('!')}
    assert copied <= kept and all((ROOT/name).exists() for name in copied)


@pytest.mark.install
@pytest.mark.long
def test_its_steps_in_a_fresh_environment(project_copy, tmp_path):
    venv = tmp_path/'venv'
    subprocess.run([sys.executable, '-m', 'venv', venv], check=True)
    subprocess.run([venv/'bin/pip', 'install', '-q', f'{project_copy}[serve]'], check=True)
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'} | {'PYTHONDONTWRITEBYTECODE': '1'}
    process = subprocess.Popen([venv/'bin/alpr-nb', 'serve', '--port', '0'], cwd='/', env=environment, text=True,
                               stdout=subprocess.PIPE)
    try:
        address = process.stdout.readline().strip().removesuffix('/docs')
        code = f"from urllib.request import urlopen; print(urlopen('{address}/health', timeout=4).status)"
        asked = subprocess.run([venv/'bin/python', '-c', code], text=True, capture_output=True, check=True)
        assert asked.stdout.strip() == '200'
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
