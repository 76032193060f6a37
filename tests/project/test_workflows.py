"Workflows follow the schema, and each of their commands is a make target or a script that exists."
import re
import subprocess
import sys

import pytest
import yaml

from conftest import ROOT

WORKFLOWS = sorted((ROOT/'.github/workflows').glob('*.yml'))


def check(*files):
    command = [sys.executable, '-m', 'check_jsonschema', '--builtin-schema', 'vendor.github-workflows', *files]
    return subprocess.run(command, capture_output=True, text=True)


def test_workflows_follow_the_schema(tmp_path):
    assert len(WORKFLOWS) >= 6
    done = check(*WORKFLOWS)
    assert done.returncode == 0, done.stdout
    (tmp_path/'wrong.yml').write_text(WORKFLOWS[0].read_text().replace('runs-on', 'run-on'))
    assert check(tmp_path/'wrong.yml').returncode


@pytest.mark.parametrize('file', WORKFLOWS, ids=lambda f: f.stem)
def test_each_command_exists(file):
    steps = [s for job in yaml.safe_load(file.read_text())['jobs'].values() for s in job['steps']]
    runs = [s['run'] for s in steps if 'run' in s]
    assert runs
    for command in runs:
        if made := re.match(r'make ([\w-]+)(.*)', command):
            target = ['make', '-n', 'VENV=done', made[1], 'TAG=truck@v1.0.0']
            assert subprocess.run(target, cwd=ROOT, capture_output=True).returncode == 0, command
        elif script := re.match(r'(?:bash )?(\.ci/\w+)', command): assert (ROOT/script[1]).is_file(), command
        else: assert command.split()[0] in ('gh', 'tail'), command # gh: only on GitHub; tail: prints a log


def test_a_comment_without_cml_prints_the_report(tmp_path):
    (tmp_path/'reports/ci').mkdir(parents=True)
    (tmp_path/'reports/ci/report.md').write_text('# What this change does\n')
    done = subprocess.run(['make', '-s', '-f', ROOT/'Makefile', 'VENV=done', 'ci-comment'], cwd=tmp_path, text=True,
                          capture_output=True, env={'PATH': '/usr/bin:/bin'})
    assert done.returncode == 0 and 'What this change does' in done.stdout
