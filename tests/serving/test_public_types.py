"A program that uses the public API passes mypy, and a wrong one does not."
import subprocess
import sys

from conftest import ROOT

PROGRAM = '''
from pathlib import Path
from alpr_nb import Char, Reader, Reading, ReadError

with Reader(scope='truck', threads=1) as reader:
    found: list[Reading] = reader.read(Path('photo.jpg'))
    many: list[list[Reading]] = reader.read_batch([b'bytes', 'photo.jpg'])
    code: str = found[0].code
    chars: tuple[Char, ...] = found[0].chars
    plain: dict[str, object] = found[0].to_dict()
'''


def check(tmp_path, text):
    (tmp_path/'program.py').write_text(text)
    command = [sys.executable, '-m', 'mypy', '--strict-optional', '--follow-imports=silent', '--ignore-missing-imports',
               '--cache-dir', tmp_path/'cache', tmp_path/'program.py']
    environment = {'MYPYPATH': str(ROOT), 'PATH': ''}
    return subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, env=environment)


def test_the_public_api_is_typed(tmp_path):
    done = check(tmp_path, PROGRAM)
    assert done.returncode == 0, done.stdout
    wrong = check(tmp_path, PROGRAM.replace('code: str =', 'code: int ='))
    assert wrong.returncode == 1 and 'Incompatible types' in wrong.stdout
