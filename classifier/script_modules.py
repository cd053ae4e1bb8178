"""Which modules a script of the pages imports, and those in turn, as the sources name them."""

import posixpath
import re
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders

# `import { a } from "./b.js";` or `import "./b.js";`, at the beginning of a line of its own.
IMPORT = r"""(?m)^(?P<matched>import (?P<names>[^"\n]*)"(?P<url>\.[^"\n]+)";)$"""


@cache
def imported_by(script: str) -> list[str]:
    """The static files that `script` imports and that those import, each once, in the order in
    which a browser would come to know of them. Raises FileNotFoundError."""
    known = [script]
    for module in known:  # which grows meanwhile
        known += dict.fromkeys(name for name in _imports(module) if name not in known)
    return known[1:]


def _imports(script: str) -> list[str]:
    path = finders.find(script)
    if path is None:
        raise FileNotFoundError(f"there is no static file {script}")
    folder = posixpath.dirname(script)
    named = re.finditer(IMPORT, Path(path).read_text())
    return [posixpath.normpath(posixpath.join(folder, match["url"])) for match in named]
