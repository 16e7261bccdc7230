"""A reviewer's name, and the name of their file: safe on every system, and never two reviewers in one file."""

import re
import unicodedata
from hashlib import sha256

from signalscreen.errors import OptionError

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
# Windows opens a device for these, whatever the ending.
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.ASCII)


def reviewer_name(who: object) -> str:
    """Trim the name and compose its accents, so that one person typing it on two systems stays one.

    Raises
    ------
    OptionError
        If it is no text, empty, or holds control characters.
    """
    if not isinstance(who, str):
        raise OptionError(f"the reviewer's name must be text, got {type(who).__name__}")
    name = unicodedata.normalize("NFC", who).strip()
    if not name:
        raise OptionError("the reviewer's name is empty; give a name, for verdicts are kept by reviewer")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise OptionError(f"the reviewer's name {name!r} holds control characters; leave them out")
    return name


def file_name(who: str) -> str:
    """Name the file of a reviewer, without its ending.

    A short plain name is its own file name. Any other is what is plain of it, and after a dot (which no plain
    name has) a hash of the whole: so ``Anna`` and ``anna`` differ where the file system does not tell them apart.

    >>> file_name("anna"), file_name("Anna"), file_name("../x")
    ('anna', 'anna.bf4fccd61625', 'x.d6b96a97d147')
    """
    name = reviewer_name(who)
    if _PLAIN.fullmatch(name) and not _DEVICES.fullmatch(name):
        return name
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    if _DEVICES.fullmatch(plain):
        plain = ""
    return f"{plain or 'reviewer'}.{sha256(name.encode()).hexdigest()[:12]}"
