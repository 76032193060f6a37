"""What a page of the docs says to type. Standard library only: `.ci/newcomer` reads pages with it before anything is installed.

It stands in fenced blocks, and their language says who runs it:

- ```sh: a newcomer, literally and in the page's order, in one session that begins in the root of a fresh clone, the environment
  of `make install` active where an earlier page made it.
- ```python: the same, as a program.
- ```console: nobody. It takes long, never ends, or needs another machine or the network; it is shown with `$ ` before a line of
  input.

A page whose commands name `../shared/...` needs that folder beside the clone.
"""
import json
import re
from pathlib import Path


def prose(page: Path) -> str:
    "The markdown of a page."
    if page.suffix == '.md': return page.read_text()
    return '\n\n'.join(''.join(c['source']) for c in json.loads(page.read_text())['cells'] if c['cell_type'] == 'markdown')


def fenced(page: Path) -> list[tuple[str, str]]:
    "Language and text of each fenced block, in order."
    return re.findall(r'^```(\w+)\n(.*?)^```', prose(page), re.M | re.S)


def blocks(page: Path, language: str) -> list[str]:
    "Fenced blocks of a language, in order."
    return [text for spoken, text in fenced(page) if spoken == language]


def reading_order(root: Path) -> dict[str, Path]:
    "Pages by name as somebody new opens them: the READMEs, the tutorials, the how-tos."
    listed = re.findall(r'\b((?:tutorials|howto)/\w+)\.ipynb', (root/'nbs/sidebar.yml').read_text())
    return {p.name: p for p in sorted(root.glob('README*.md'))} | {name: root/f'nbs/{name}.ipynb' for name in listed}
