"The service as a process: limits, bad input, a full queue, a slow client, a graceful stop, and memory under load."
import asyncio
import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import zlib
from pathlib import Path

import httpx
import pytest
from PIL import Image

from alpr_nb.operations.reading_log import read_log
from conftest import ROOT

PHOTO = (ROOT/'nbs/images/photo.jpg').read_bytes()
BUNDLE = ROOT/'alpr_nb/bundles/truck'


@contextlib.contextmanager
def serving(*options, bundle=BUNDLE, **environment):
    "A running service: (address, process)."
    command = [sys.executable, '-c', 'from alpr_nb.cli import main; main()', 'serve', '--port', '0',
               '--bundle', str(bundle), '--threads', '1', *options]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, env={**os.environ, **environment})
    try:
        address = process.stdout.readline().strip().removesuffix('/docs')
        assert address.startswith('http'), address
        yield address, process
    finally:
        if process.poll() is None: process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope='module')
def service(tmp_path_factory):
    log = tmp_path_factory.mktemp('log')
    limits = '--max-bytes 2000000 --max-pixels 2000000 --max-images 3 --timeout 3 --log'.split() + [str(log)]
    with serving(*limits, ALPR_NB_API_KEY='secret') as (address, process):
        with httpx.Client(base_url=address, headers={'X-API-Key': 'secret'}, timeout=20) as client:
            client.log = log
            client.pid = process.pid
            yield client


def post(client, *files, **options):
    return client.post('/read', files=[('images', (name, content)) for name, content in files], **options)


def test_it_reads_one_image_and_several(service):
    one = service.post('/read', content=PHOTO, headers={'Content-Type': 'image/jpeg'})
    assert one.status_code == 200 and one.json()[0]['readings'][0]['code'] == 'BRA2E19'
    several = post(service, ('a.jpg', PHOTO), ('b.jpg', b'no image'), ('c.jpg', PHOTO))
    assert several.status_code == 200
    assert [line['image'] for line in several.json()] == ['a.jpg', 'b.jpg', 'c.jpg']
    assert 'expected an image file' in several.json()[1]['error']


def test_its_line_is_that_of_the_command(service):
    found = service.post('/read', content=PHOTO, headers={'Content-Type': 'image/jpeg'}).json()[0]
    command = [sys.executable, '-c', 'from alpr_nb.cli import main; main()', 'read', '--json', '--bundle', BUNDLE,
               ROOT/'nbs/images/photo.jpg']
    line = json.loads(subprocess.run(command, text=True, capture_output=True, check=True).stdout)
    assert {k: v for k, v in found.items() if k not in ('ms', 'image')} == {
        k: v for k, v in line.items() if k not in ('ms', 'image')}


def huge_png(side=17_400):
    "300 megapixels in a few hundred bytes of header and zeros."
    def chunk(kind, data):
        return len(data).to_bytes(4, 'big') + kind + data + zlib.crc32(kind + data).to_bytes(4, 'big')
    header = chunk(b'IHDR', side.to_bytes(4, 'big')*2 + b'\x08\2\0\0\0')
    return b'\x89PNG\r\n\x1a\n' + header + chunk(b'IDAT', zlib.compress(bytes(1_000_000))) + chunk(b'IEND', b'')


def text_bomb():
    "A PNG whose text expands to 300 MB."
    image = io.BytesIO()
    Image.new('RGB', (8, 8)).save(image, 'PNG')
    data = b'key\0\0' + zlib.compress(bytes(300_000_000), 9)
    chunk = len(data).to_bytes(4, 'big') + b'zTXt' + data + zlib.crc32(b'zTXt' + data).to_bytes(4, 'big')
    return image.getvalue()[:33] + chunk + image.getvalue()[33:]


def pixel_bomb():
    "A PNG of 8 x 8 px whose pixels expand to 300 MB."
    image = io.BytesIO()
    Image.new('RGB', (8, 8)).save(image, 'PNG')
    data = zlib.compress(bytes(300_000_000), 9)
    chunk = len(data).to_bytes(4, 'big') + b'IDAT' + data + zlib.crc32(b'IDAT' + data).to_bytes(4, 'big')
    return image.getvalue()[:33] + chunk + image.getvalue()[-12:]


@pytest.mark.parametrize('content, status, sentence', [
    (PHOTO[:len(PHOTO)//2], 422, 'damaged or truncated'), (b'', 422, ''),
    (b'<html></html>', 415, 'expected an image file'),
    (huge_png(), 413, 'at most 2000000 pixels'), (bytes(3_000_000), 413, 'larger than 2000000 bytes')])
def test_bad_images_get_a_status_and_a_sentence(service, content, status, sentence):
    answer = service.post('/read', content=content, headers={'Content-Type': 'application/octet-stream'})
    assert answer.status_code == status and sentence in answer.text and 'error' in answer.text
    assert service.get('/health').status_code == 200


@pytest.mark.parametrize('bomb', [text_bomb, pixel_bomb])
def test_a_bomb_is_refused_or_ignored_without_its_memory(bomb):
    with serving() as (address, process), httpx.Client(base_url=address, timeout=60) as client:
        before = memory(process.pid)
        answer = client.post('/read', content=bomb(), headers={'Content-Type': 'image/png'})
        assert answer.status_code in (200, 422) and client.get('/health').status_code == 200
        assert memory(process.pid) < before + 150


def memory(pid):
    "Largest resident memory so far, MB."
    return int(re.search(r'VmHWM:\s+(\d+)', Path(f'/proc/{pid}/status').read_text())[1])/1000


@pytest.mark.parametrize('headers, content, status', [
    ({'Content-Type': 'application/json'}, b'{}', 415), ({}, b'abc', 415),
    ({'Content-Type': 'multipart/form-data'}, b'abc', 400),
    ({'Content-Type': 'multipart/form-data; boundary=x'}, b'abc', 400)])
def test_wrong_content_types(service, headers, content, status):
    answer = service.post('/read', content=content, headers=headers)
    assert answer.status_code == status and list(answer.json()) == ['error']


def test_too_many_images(service):
    assert post(service, *[(f'{i}.jpg', PHOTO) for i in range(4)]).status_code == 413


def test_the_key_is_needed_only_to_read(service):
    for key in ('', 'wrong', 'sécret'.encode()):
        headers = {'X-API-Key': key, 'Content-Type': 'image/jpeg'}
        assert service.post('/read', content=PHOTO, headers=headers).status_code == 401
    for path in ('/health', '/ready', '/metrics', '/docs', '/openapi.json'):
        assert service.get(path, headers={'X-API-Key': ''}).status_code == 200


def test_the_openapi_page_loads_nothing_from_another_host(service):
    assert re.findall(r'(?:src|href)="(https?://[^"]+)', service.get('/docs').text) == []
    assert '/read' in service.get('/openapi.json').json()['paths']


def raw(service): return socket.create_connection((service.base_url.host, service.base_url.port), timeout=15)


def test_slow_clients_are_cut_off(service):
    with raw(service) as silent, raw(service) as slow:
        slow.sendall(b'POST /read HTTP/1.1\r\nHost: x\r\nX-API-Key: secret\r\nContent-Type: image/jpeg\r\n'
                     b'Content-Length: 1000\r\n\r\nabc')
        assert b'408' in slow.recv(1000).splitlines()[0]
        assert silent.recv(1000) == b''
    assert service.get('/health').status_code == 200


def test_an_upload_that_breaks_off_leaves_the_service_alive(service):
    for _ in range(5):
        with raw(service) as s:
            s.sendall(b'POST /read HTTP/1.1\r\nHost: x\r\nX-API-Key: secret\r\nContent-Type: image/jpeg\r\n'
                      b'Content-Length: 1000\r\n\r\nabc')
    assert post(service, ('a.jpg', PHOTO)).status_code == 200


def test_metrics_and_log_count_what_happened(service):
    post(service, ('counted.jpg', PHOTO))
    assert re.search(r'alpr_nb_images_total\{outcome="read"\} [1-9]', service.get('/metrics').text)
    frame, broken, _ = read_log(service.log) # as `alpr-nb monitor` reads it
    last = frame[frame.image == 'counted.jpg'].iloc[-1]
    assert (last.code, last.format, broken) == ('BRA2E19', 'mercosul', 0)
    assert last.brightness > 0 and last.readings[0]['code'] == 'BRA2E19'
    post(service, ('half.jpg', PHOTO[:len(PHOTO)//2]))
    errors = [json.loads(text) for file in service.log.glob('errors-*.log') for text in file.read_text().splitlines()]
    assert errors[-1]['image'] == 'half.jpg' and 'damaged' in errors[-1]['error']


def test_killed_at_random_moments_it_leaves_a_whole_log(tmp_path):
    moments = random.Random(5)
    for _ in range(2):
        with serving('--log', str(tmp_path)) as (address, process):
            async def flood():
                async with httpx.AsyncClient(base_url=address, timeout=30) as client:
                    send = (client.post('/read', files={'images': ('a.jpg', PHOTO)}) for _ in range(24))
                    calls = [asyncio.ensure_future(c) for c in send]
                    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.sleep(moments.uniform(0, .3))
                    process.kill()
                    done = await asyncio.gather(*calls, return_exceptions=True)
                    return [c for c in done if isinstance(c, httpx.Response)]
            answered = asyncio.run(flood())
        assert answered
    frame, broken, _ = read_log(tmp_path)
    assert broken == 0 and len(frame) >= len(answered) and set(frame.code) == {'BRA2E19'}


def test_a_full_queue_answers_503_at_once():
    with serving('--queue', '1', '--max-requests', '64') as (address, _):
        async def flood():
            async with httpx.AsyncClient(base_url=address, timeout=60) as client:
                calls = [client.post('/read', content=PHOTO, headers={'Content-Type': 'image/jpeg'}) for _ in range(24)]
                return await asyncio.gather(*calls)
        answers = asyncio.run(flood())
        statuses = {a.status_code for a in answers}
        assert statuses == {200, 503}
        assert all(a.headers['retry-after'] for a in answers if a.status_code == 503)
        assert httpx.get(f'{address}/ready').json() == {'ready': True}


def test_a_bundle_that_vanishes_changes_nothing(tmp_path):
    shutil.copytree(BUNDLE, tmp_path/'bundle')
    with serving(bundle=tmp_path/'bundle') as (address, _):
        shutil.rmtree(tmp_path/'bundle')
        assert httpx.post(f'{address}/read', files={'images': PHOTO}, timeout=20).status_code == 200


def test_it_answers_what_it_has_begun_before_it_stops():
    with serving() as (address, process):
        async def stop_while_reading():
            async with httpx.AsyncClient(base_url=address, timeout=20) as client:
                files = [('images', (f'{i}.jpg', PHOTO)) for i in range(12)]
                call = asyncio.create_task(client.post('/read', files=files))
                await asyncio.sleep(.3)
                process.send_signal(signal.SIGTERM)
                return await call
        assert len(asyncio.run(stop_while_reading()).json()) == 12
        assert process.wait(20) in (0, -signal.SIGTERM)


def test_a_port_in_use_is_a_sentence(service):
    command = [sys.executable, '-c', 'from alpr_nb.cli import main; main()', 'serve', '--port',
               str(service.base_url.port)]
    done = subprocess.run(command, text=True, capture_output=True, timeout=60)
    assert done.returncode == 1 and 'cannot listen there' in done.stderr and 'Traceback' not in done.stderr


@pytest.mark.long
def test_memory_is_flat_over_2000_requests():
    with serving() as (address, process), httpx.Client(base_url=address, timeout=20) as client:
        for n in range(2000):
            assert client.post('/read', content=PHOTO, headers={'Content-Type': 'image/jpeg'}).status_code == 200
            if n == 200: early = memory(process.pid)
        assert memory(process.pid) < early + 10
