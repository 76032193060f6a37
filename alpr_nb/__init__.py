"""Readers of codes painted on vehicles."""

__version__ = "0.1.0"
__all__ = ['Reader', 'Reading', 'Char', 'ReadError', '__version__']

_HOME = dict(Reader='reader', Reading='results', Char='results', ReadError='image_input') # name -> its module


def __getattr__(name):
    "The reader is imported when it is first used, so that `import alpr_nb` costs nothing."
    if name in _HOME:
        from importlib import import_module
        return getattr(import_module(f'alpr_nb.inference.{_HOME[name]}'), name)
    raise AttributeError(f"module 'alpr_nb' has no attribute {name!r}")


def __dir__(): return sorted({*globals(), *__all__})
