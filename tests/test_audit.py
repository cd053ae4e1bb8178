"""`make audit`: a known vulnerability fails it, an unreachable index does not, and it says so."""

import json
import stat
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
audit = SourceFileLoader("audit", str(ROOT / "bin" / "audit")).load_module()
FAULT = {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.0"]}
BAD = {"name": "pillow", "version": "1.0", "vulns": [FAULT]}
GOOD = {"name": "django", "version": "5.2", "vulns": []}
UNKNOWN = {"name": "amqp", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("found", "excused", "status", "said"),
    [
        ([GOOD], {}, 0, "1 packages checked, 0 to be replaced"),
        ([GOOD, BAD], {}, 1, "pillow 1.0: PYSEC-1, fixed in 2.0"),
        ([GOOD, BAD], {"CVE-2026-1": "never called"}, 0, "(excused: never called)"),
        ([GOOD, BAD], {"CVE-2026-2": "another"}, 1, "1 to be replaced"),
        ([UNKNOWN], {}, 0, "cannot be reached: nothing was checked"),
        ([GOOD, UNKNOWN], {}, 0, "not checked, for the index does not know them: amqp"),
        ([BAD, UNKNOWN], {}, 1, "to be replaced"),
    ],
)
def test_what_was_found_decides(capsys, found, excused, status, said):
    assert audit.told("requirements.txt", found, excused) == status
    assert said in capsys.readouterr().out


def program(folder: Path, body: str) -> Path:
    path = folder / "pip-audit"
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_report_of_the_tool_is_read(tmp_path, capsys):
    report = json.dumps({"dependencies": [BAD]})
    one = program(tmp_path, f"import sys; print({report!r}); sys.exit(1)")
    assert audit.audit(one, tmp_path / "lock.txt", {}) == 1
    assert "PYSEC-1" in capsys.readouterr().out


@pytest.mark.parametrize(("error", "status"), [("ConnectionError", 0), ("a bad lock", 1)])
def test_without_a_report_only_a_missing_network_is_passed_over(tmp_path, error, status):
    one = program(tmp_path, f"import sys; sys.exit({error!r})")
    assert audit.audit(one, tmp_path / "lock.txt", {}) == status


def test_what_is_excused_has_a_reason():
    excused = audit.tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["kadr"]["audit"]
    assert all(len(reason) > 10 for reason in excused.values())


def test_without_a_network_it_says_so_and_passes(tmp_path):
    """The script itself, with no index to ask."""
    copy = tmp_path / "bin" / "audit"
    copy.parent.mkdir()
    copy.write_text((ROOT / "bin" / "audit").read_text())
    (tmp_path / "pyproject.toml").write_text("[tool.kadr.audit]\n")
    process = subprocess.run(
        [sys.executable, str(copy)],
        env={"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": "/dev/null"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "cannot be reached" in process.stdout
