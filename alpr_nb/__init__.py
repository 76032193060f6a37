"""Readers of codes painted on vehicles."""

__version__ = "0.2.0"
__all__ = ['Reader', 'Reading', 'Char', 'ReadError', '__version__']


def __getattr__(name):
    "The reader is imported when it is first used, so that `import alpr_nb` costs nothing."
    if name in __all__:
        from alpr_nb.inference import reader
        return getattr(reader, name)
    raise AttributeError(f"module 'alpr_nb' has no attribute {name!r}")


def __dir__(): return sorted({*globals(), *__all__})
