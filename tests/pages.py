"""Commands on the pages of the docs. Standard library only, because `.ci/newcomer` runs before anything is installed.

Commands are in fenced blocks. The language of a block says how it is used:

- ```sh: a newcomer types it. The blocks of a page run in order, in one shell session that starts in the root of a fresh
  clone. The environment of `make install` is active if an earlier page made it.
- ```python: the same, as a Python program.
- ```console: an example that is not run. It takes long, never ends, or needs another machine or the network. A line of
  input starts with `$ `.

Code cells of a notebook are run after its blocks, in the notebook's own folder.

A page whose commands contain `../shared/...` needs this folder beside the clone.
"""
import json
import re
from pathlib import Path


def prose(page: Path) -> str:
    "The markdown of a page."
    if page.suffix == '.md': return page.read_text()
    cells = json.loads(page.read_text())['cells']
    return '\n\n'.join(''.join(c['source']) for c in cells if c['cell_type'] == 'markdown')


def fenced(page: Path) -> list[tuple[str, str]]:
    "Language and text of each fenced block, in order."
    return re.findall(r'^```(\w+)\n(.*?)^```', prose(page), re.M | re.S)


def blocks(page: Path, language: str) -> list[str]:
    "Fenced blocks of one language, in order."
    return [text for found, text in fenced(page) if found == language]


def reading_order(root: Path) -> dict[str, Path]:
    "Pages by name, in the order in which a newcomer reads them: the READMEs, the tutorials, the how-tos."
    listed = re.findall(r'\b((?:tutorials|howto)/\w+)\.ipynb', (root/'nbs/sidebar.yml').read_text())
    readmes = {p.name: p for p in sorted(root.glob('README*.md'))}
    return readmes | {name: root/f'nbs/{name}.ipynb' for name in listed}
