"""Readers of codes painted on vehicles."""

from typing import TYPE_CHECKING

if TYPE_CHECKING: # a type checker cannot follow __getattr__
    from .inference.image_input import ReadError
    from .inference.reader import Reader
    from .inference.results import Char, Reading

__version__ = "0.2.0"
__all__ = ['Reader', 'Reading', 'Char', 'ReadError', '__version__']

_HOME = dict(Reader='reader', Reading='results', Char='results', ReadError='image_input') # name -> its module


def __getattr__(name):
    "The reader is imported when it is first used, so that `import alpr_nb` costs nothing."
    if name in _HOME:
        from importlib import import_module
        return getattr(import_module(f'alpr_nb.inference.{_HOME[name]}'), name)
    raise AttributeError(f"module 'alpr_nb' has no attribute {name!r}")


def __dir__(): return sorted({*globals(), *__all__})
