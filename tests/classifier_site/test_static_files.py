"""What is collected for browsers: the modules of the pages import each other by names that change
with what is in them."""

import posixpath
import re
from pathlib import Path

import pytest
from django.conf import settings as site
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command

from classifier_site.static_files import StaticFilesStorage

SOURCES = Path(__file__).parents[2] / "classifier" / "static"
MANIFEST_STORAGE = site.STORAGES["staticfiles"]  # before a test puts another in its place
OTHERS = ["admin", "rest_framework", "drf_spectacular_sidecar"]
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")
# Any import, also in a form that the storage does not know: from "x", import "x", import("x").
NAMED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*(["'`])(.+?)\1""")


@pytest.fixture
def collected(settings, tmp_path) -> Path:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": MANIFEST_STORAGE}
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=OTHERS)
    return tmp_path / "static"


def scripts() -> list[str]:
    return sorted(path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.js"))


def imports(path: Path) -> list[str]:
    """What a script imports, as it names it."""
    code = re.sub(r"(?m)^\s*//.*$", "", path.read_text())
    return [name for _quote, name in NAMED.findall(code)]


def test_every_import_names_a_hashed_file_that_is_there(collected):
    for script in scripts():
        served = collected / staticfiles_storage.stored_name(script)
        assert HASHED.search(served.name), script
        assert len(imports(served)) == len(imports(SOURCES / script))
        for name in imports(served):
            assert HASHED.search(name), f"{script} imports {name}"
            assert (served.parent / name).is_file(), f"{script} imports {name}"


def test_an_imported_name_is_the_one_that_pages_would_use(collected):
    """Else a browser would load a module twice, and each would have a state of its own."""
    for script in scripts():
        served = collected / staticfiles_storage.stored_name(script)
        for source, name in zip(imports(SOURCES / script), imports(served), strict=True):
            asset = posixpath.normpath(posixpath.join(posixpath.dirname(script), source))
            expected = Path(staticfiles_storage.stored_name(asset)).name
            assert name.rsplit("/", 1)[-1] == expected


def test_the_modules_are_seen_at_all(collected):
    """So that the tests above cannot pass by finding nothing."""
    found = [name for script in scripts() for name in imports(SOURCES / script)]
    assert "./page/polling.js" in found and "../shared/requests.js" in found


def collect(folder: Path, modules: dict[str, str]) -> tuple[StaticFilesStorage, list[object]]:
    """The modules in the order in which a folder may list them, and what went wrong."""
    source = FileSystemStorage(folder / "source")
    storage = StaticFilesStorage(location=folder / "static", base_url="/static/")
    for name, code in modules.items():
        for place in (folder / "source" / name, folder / "static" / name):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(code)
    done = storage.post_process({name: (source, name) for name in modules})
    return storage, [processed for _name, _hashed, processed in done if processed is not True]


def test_a_long_chain_of_imports_is_followed_in_whatever_order_a_folder_lists_it(tmp_path):
    chain = {f"classifier/{n}.js": f'import "./{n + 1}.js";\n' for n in range(15)}
    chain["classifier/15.js"] = "export const last = true;\n"
    storage, faults = collect(tmp_path, chain)
    assert faults == []
    for n in range(15):
        served = tmp_path / "static" / storage.stored_name(f"classifier/{n}.js")
        assert imports(served) == [f"./{Path(storage.stored_name(f'classifier/{n + 1}.js')).name}"]


def test_modules_that_import_each_other_are_refused(tmp_path):
    circle = {"classifier/a.js": 'import "./b.js";\n', "classifier/b.js": 'import "./a.js";\n'}
    _storage, faults = collect(tmp_path, circle)
    assert "Max post-process passes exceeded" in str(faults)


def test_an_import_of_what_is_not_there_is_refused(tmp_path):
    _storage, faults = collect(tmp_path, {"classifier/a.js": 'import "./gone.js";\n'})
    assert "gone.js" in str(faults)


def test_what_only_reads_like_an_import_is_left_alone(tmp_path):
    code = '// import "./gone.js";\nconst told = `say import "./gone.js";`;\n'
    others = {"vendor/b.js": 'import "./gone.js";'}
    storage, faults = collect(tmp_path, {"classifier/a.js": code, **others})
    assert faults == []
    assert (tmp_path / "static" / storage.stored_name("classifier/a.js")).read_text() == code
