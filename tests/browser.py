"A headless Chromium, driven over its debugging port: what a page asks for, says on its console, and looks like."
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome', 'chrome'))), None)

class Browser:
    "One tab. `requests`, `errors` and `dialogs` are those since the last `open`."
    def __init__(self, width=1280, height=900):
        from websocket import create_connection
        self.home = tempfile.mkdtemp(prefix='alpr-nb-browser-')
        flags = ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars',
                 '--no-first-run', '--disable-background-networking', '--disable-component-update',
                 '--remote-allow-origins=*',
                 '--remote-debugging-port=0')
        self.process = subprocess.Popen([CHROMIUM, *flags, f'--user-data-dir={self.home}', 'about:blank'],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        port = Path(self.home)/'DevToolsActivePort'
        self._until(lambda: port.is_file() and port.read_text().count('\n'), 60, 'Chromium did not start')
        tabs = f'http://127.0.0.1:{port.read_text().split()[0]}/json'
        self._until(lambda: self._tabs(tabs), 10, 'Chromium has no tab')
        self.socket = create_connection(self._tabs(tabs)[0]['webSocketDebuggerUrl'], timeout=120)
        self.ids, self.requests, self.errors, self.loaded = itertools.count(1), [], [], False
        for domain in ('Page', 'Runtime', 'Network', 'Log'): self.call(f'{domain}.enable')
        self.screen(width, height)

    def _tabs(self, url):
        with urllib.request.urlopen(url, timeout=10) as r: return [t for t in json.load(r) if t['type'] == 'page']

    def _until(self, done, seconds, why):
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end: raise TimeoutError(f'{why} in {seconds} s')
            time.sleep(.05)

    def _event(self, m):
        what, p = m.get('method'), m.get('params', {})
        if what == 'Network.requestWillBeSent': self.requests.append(p['request']['url'])
        elif what == 'Runtime.exceptionThrown':
            self.errors.append(p['exceptionDetails'].get('exception', {}).get('description')
                               or p['exceptionDetails']['text'])
        elif what == 'Runtime.consoleAPICalled' and p['type'] in ('error', 'warning', 'assert'):
            self.errors.append(' '.join(str(a.get('value', a.get('description', ''))) for a in p['args']))
        elif what == 'Log.entryAdded' and p['entry']['level'] in ('error', 'warning'):
            self.errors.append(f"{p['entry']['text']} {p['entry'].get('url', '')}")
        elif what == 'Page.loadEventFired': self.loaded = True

    def call(self, method, **params):
        "A command of the DevTools protocol and its result."
        n = next(self.ids)
        self.socket.send(json.dumps(dict(id=n, method=method, params=params)))
        while True:
            m = json.loads(self.socket.recv())
            if m.get('id') != n: self._event(m)
            elif 'error' in m: raise RuntimeError(f"{method}: {m['error']['message']}")
            else: return m['result']

    def screen(self, width, height=900, dark=False):
        "The size of the window in CSS pixels, and its colours."
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call('Emulation.setEmulatedMedia',
                  features=[dict(name='prefers-color-scheme', value='dark' if dark else 'light')])

    def open(self, page):
        "Open a file or an address and wait until it has loaded."
        self.loaded, self.requests, self.errors = False, [], []
        self.call('Page.navigate', url=page if '://' in str(page) else Path(page).resolve().as_uri())
        while not self.loaded: self._event(json.loads(self.socket.recv()))
        return self

    def js(self, code):
        "The value of an expression on the page."
        r = self.call('Runtime.evaluate', expression=code, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in r:
            raise RuntimeError(
                r['exceptionDetails'].get('exception', {}).get('description', r['exceptionDetails']['text']))
        return r['result'].get('value')

    def wait(self, code, seconds=60):
        "Wait until an expression on the page is true; one that fails is not true yet."
        def true():
            try: return self.js(code)
            except RuntimeError: return False
        self._until(true, seconds, f'{code}: not true')

    def press(self, key, code=None):
        "A key, by its name: 'Tab', 'Enter', 'a'."
        text = {'Enter': '\r', ' ': ' '}.get(key, key if len(key) == 1 else '')
        number = {'Tab': 9, 'Enter': 13, ' ': 32, 'ArrowDown': 40, 'ArrowUp': 38,
                  'Escape': 27}.get(key, ord(key[0].upper()))
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, code=code or key, windowsVirtualKeyCode=number,
                      **(dict(text=text) if text and kind == 'keyDown' else {}))

    def picture(self, file, full=True):
        "Write what is seen, or the whole page, as PNG."
        file = Path(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        size = self.call('Page.getLayoutMetrics')['cssContentSize']
        clip = (dict(clip=dict(x=0, y=0, width=size['width'], height=min(size['height'], 12_000), scale=1)) if full
                else {})
        file.write_bytes(base64.b64decode(self.call('Page.captureScreenshot', format='png', captureBeyondViewport=full,
                                                    **clip)['data']))
        return file

    def width(self):
        "How wide the page is, in CSS pixels: more than the window means that it scrolls sideways."
        return self.js('Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)')

    def foreign(self):
        "Requests that left this page's own files."
        return [u for u in self.requests
                if not u.startswith(('file:', 'data:', 'blob:', 'about:', 'http://127.0.0.1', 'http://localhost'))]

    def close(self):
        try: self.call('Browser.close')
        except Exception: pass
        self.socket.close()
        try: self.process.wait(10)
        except subprocess.TimeoutExpired: os.killpg(self.process.pid, 9)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self): return self

    def __exit__(self, *_): self.close()
