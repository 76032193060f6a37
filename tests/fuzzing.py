"Damaged inputs for hypothesis: bytes that were edited, JSON with another value in one place, and what an end may be."
import copy
import json

from conftest import LONG_FACTOR
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# values that people, spreadsheets and broken programs write
ODD = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 1, .5, 1e308, -1e-320, float('nan'), float('inf'), 2**70, '', '0', 'nan',
                     '1e400', 'a\nb', '\0', '../../x', '/etc/passwd', 'C:\\x', '\ud800', 'A'*5000, [], {}, [[]], [{}],
                     [None], {'': None}, {'x': [1]}]),
    st.integers(-10**12, 10**12), st.floats(), st.text(max_size=8))


def fuzz(examples):
    "Settings of a fuzz test: the same examples each time; the profile `long` tries others, and more of them."
    long = settings.get_current_profile_name() == 'long'
    return settings(max_examples=examples*(LONG_FACTOR if long else 1), deadline=None, database=None,
                    derandomize=not long, suppress_health_check=list(HealthCheck))


def _edit(content, where, length, new):
    at = int(where*(len(content) + 1))
    return content[:at] + new + content[at + length:]


@st.composite
def damaged(draw, valid: bytes):
    "Up to four edits of a valid file: a part cut out, exchanged, or copied to another place."
    content = valid
    for _ in range(draw(st.integers(1, 4))):
        where, other = draw(st.floats(0, 1)), draw(st.floats(0, 1))
        length = draw(st.sampled_from([0, 1, 1, 2, 4, 16, 200, 10**9]))
        copied = content[int(other*len(content)):][:length]
        new = draw(st.one_of(st.binary(max_size=8), st.just(copied), st.just(b''),
                             st.sampled_from([b'\xff', b'\0\0\0\0', b'\xff\xff\xff\xff', b',', b'\n', b'"', b'<!ENTITY',
                                              b'[', b'{', b'-', b'9'*400, b'nan', b': &a [*a]'])))
        content = _edit(content, where, length, new)
    return content


def places(tree, path=()):
    "Paths of all values in lists and dicts."
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children: yield from places(value, (*path, key))


@st.composite
def mutated(draw, tree):
    "A copy of JSON-like values in which one to three values were exchanged, removed or doubled."
    tree = [copy.deepcopy(tree)]
    for _ in range(draw(st.integers(1, 3))):
        paths = [p for p in places(tree) if len(p) > 0]
        if not paths: break
        *path, key = draw(st.sampled_from(paths))
        node = tree
        for k in path: node = node[k]
        change = draw(st.sampled_from(['exchange', 'exchange', 'remove', 'double']))
        if change == 'exchange' or not path: node[key] = copy.deepcopy(draw(ODD))
        elif change == 'remove': del node[key]
        elif isinstance(node, list): node.append(copy.deepcopy(node[key]))
        else: node[draw(st.text(max_size=5))] = copy.deepcopy(node[key])
    return tree[0]


def as_json(value):
    "JSON as Python writes it, also NaN and lone surrogates; as bytes."
    return json.dumps(value).encode()


def ends_well(call, *errors):
    "The result of a call; None for an error of one of the classes, which must be one short sentence."
    try: return call()
    except errors as e:
        said = str(e)
        assert said and len(said.splitlines()) == 1 and len(said) < 1500, said
        said.encode('utf-8', 'surrogateescape') # a lone surrogate of a damaged file must not reach the terminal
        return None


def files_of(folder):
    "Path and size of every file and folder below a folder, to see what a call left behind."
    return {p.relative_to(folder).as_posix(): p.lstat().st_size if p.is_file() else None for p in folder.rglob('*')}
