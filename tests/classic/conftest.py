"""A model file is loaded once for all commands that name it, so that it is traced once."""

from functools import cache
from pathlib import Path

import pytest

from signalscreen import models

_loaded = cache(models.load_model)


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch):
    monkeypatch.setattr(models, "load_model", lambda path, **options: _loaded(Path(path).resolve(), **options))
