"The parameter cell of a stage notebook, and the calls in its stage cells."
import ast
import json

from conftest import ROOT


def sources(notebook: str) -> list[tuple[bool, str]]:
    "Code cells of a notebook in nbs/: whether it is the parameter cell, and its source."
    cells = json.loads((ROOT/'nbs'/notebook).read_text(encoding='utf-8'))['cells']
    return [('parameters' in c['metadata'].get('tags', []), ''.join(c['source'])) for c in cells
            if c['cell_type'] == 'code']


def parameters(notebook: str) -> dict:
    "Names and default values of the parameter cell, in its order."
    source, = [s for is_parameters, s in sources(notebook) if is_parameters]
    return {n.target.id: ast.literal_eval(n.value) for n in ast.parse(source).body}


def keywords(notebook: str, function: str) -> dict[str, str]:
    "Keywords of the one call of a function in the stage cells, each with the source of its value."
    calls = [n for _, s in sources(notebook) for n in ast.walk(ast.parse(s))
             if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == function]
    assert len(calls) == 1 and not calls[0].args and all(k.arg for k in calls[0].keywords), (
        f'{notebook}: one {function}(name=name, …)')
    return {k.arg: ast.unparse(k.value) for k in calls[0].keywords}
