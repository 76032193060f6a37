"The renderer of codes on steel keeps the styles of its own formats only."
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.drawing.steel.renderer import renderer
from steel_examples import FORMATS, section


def test_a_renderer_has_the_styles_of_its_formats_only():
    assert list(renderer(section('container'), FORMATS['container']).spec.styles) == ['iso6346']


def test_a_wrong_key_of_the_looks_is_named():
    with pytest.raises(UserError, match=r'looks\.colour is an unknown key'):
        renderer(section('container') | dict(colour=1), FORMATS['container'])
