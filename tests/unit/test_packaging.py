"""The functions' source archives: what is in them, and that nothing but the sources decides their bytes."""

from __future__ import annotations

import ast
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from functions.manifest import MANIFEST, FunctionRow, row
from infra.packaging.archive import CHECKOUT, build, contents_of
from infra.packaging.reach import files_of

SOURCES = ("schemas", "shared", "functions", "requirements")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of its own, which a test may change."""
    root = tmp_path / "checkout"
    for folder in SOURCES:
        shutil.copytree(CHECKOUT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The archives of this checkout, by their hashes; where a checkout lies makes no difference."""
    return hashes(CHECKOUT, tmp_path_factory.mktemp("unchanged"))


def hashes(root: Path, out: Path) -> dict[str, str]:
    return {function.name: build(function, out, root).sha256 for function in MANIFEST}


def test_neither_place_nor_time_nor_umask_shows_in_an_archive(checkout: Path, tmp_path: Path) -> None:
    for path in checkout.rglob("*"):
        os.utime(path, (1, 1))
        if path.is_file():
            path.chmod(0o600)
    before = os.umask(0o077)
    try:
        there = {function.name: build(function, tmp_path / "there", checkout).path for function in MANIFEST}
    finally:
        os.umask(before)
    here = {function.name: build(function, tmp_path / "here").path for function in MANIFEST}
    assert {name: path.name for name, path in here.items()} == {name: path.name for name, path in there.items()}
    assert all(here[name].read_bytes() == there[name].read_bytes() for name in here)


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        ("functions/budget/gate.py", {"budget"}),
        ("functions/fusion/roles/prompts/writer.md.j2", {"fusion"}),
        ("functions/ds_star/sandbox_scripts/cells.py", {"ds_star"}),
        ("requirements/control.lock", {"lifecycle", "budget", "dead_letter"}),
        ("shared/times.py", {function.name for function in MANIFEST}),
    ],
)
def test_a_change_alters_the_archives_that_hold_it_and_no_other(
    changed: str, affected: set[str], checkout: Path, unchanged: dict[str, str], tmp_path: Path
) -> None:
    path = checkout / changed
    path.write_bytes(path.read_bytes() + b"\n# changed\n")
    after = hashes(checkout, tmp_path / "out")
    assert {name for name in unchanged if unchanged[name] != after[name]} == affected


def test_what_an_editor_or_python_leaves_behind_is_not_packed(checkout: Path) -> None:
    before = contents_of(row("fusion"), checkout)
    for left in ("functions/fusion/render/__pycache__/html.pyc", "functions/fusion/roles/prompts/.writer.md.j2.swp", "shared/.env"):
        (checkout / left).parent.mkdir(exist_ok=True)
        (checkout / left).write_text("left behind")
    assert contents_of(row("fusion"), checkout) == before


@pytest.mark.parametrize("function", MANIFEST, ids=lambda function: function.name)
def test_an_archive_holds_its_own_function_and_no_other(function: FunctionRow) -> None:
    folders = {name.split("/")[1] for name in contents_of(function) if name.startswith("functions/")}
    assert folders == {"__init__.py", function.name} | ({"manifest.py"} & folders)


@pytest.mark.parametrize("function", MANIFEST, ids=lambda function: function.name)
def test_every_prompt_and_table_of_a_packed_module_is_packed(function: FunctionRow) -> None:
    names = set(contents_of(function))
    for name in [name for name in names if name.endswith(".py") and "sandbox" not in name]:
        text = (CHECKOUT / name).read_text(encoding="utf-8") if (CHECKOUT / name).exists() else ""
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Prompt.beside":
                prompt = ast.literal_eval(node.args[1])
                assert f"{Path(name).parent.as_posix()}/prompts/{prompt}.md.j2" in names
    assert not [name for name in names if name.startswith(("cli/", "infra/", "tests/", "schemas/v1"))]


def test_the_entry_point_and_the_hashed_requirements_lie_at_the_top(tmp_path: Path) -> None:
    archive = build(row("missions"), tmp_path)
    with zipfile.ZipFile(archive.path) as packed:
        assert packed.testzip() is None
        assert "from functions.missions.main import missions" in packed.read("main.py").decode()
        lock = packed.read("requirements.txt").decode()
        assert packed.namelist() == sorted(packed.namelist())
    assert lock == (CHECKOUT / "requirements" / "agents.lock").read_text()
    assert lock.count("--hash=sha256:") >= lock.count("==") > 0
    assert archive.size == archive.path.stat().st_size and archive.sha256[:16] in archive.path.name


def test_imports_are_followed_where_they_hide(tmp_path: Path) -> None:
    files = {
        "shared/__init__.py": "",
        "shared/start.py": (
            "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nimport json\n"
            "if TYPE_CHECKING:\n    import shared.only_types\n"
            "def work():\n    try:\n        from shared import lazily\n    except ImportError:\n        from .deep.down import thing\n"
        ),
        "shared/only_types.py": "",
        "shared/lazily.py": "import shared.deep\n",
        "shared/never.py": "",
        "shared/deep/__init__.py": "from shared.deep.sibling import x",
        "shared/deep/sibling.py": "x = 1",
        "shared/deep/down.py": "from ..relative import thing",
        "shared/relative.py": "thing = 1",
        "shared/deep/words.toml": "",
        "shared/deep/data/more/table.csv": "",
        "shared/aside/__init__.py": "",
        "shared/aside/words.toml": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    unneeded = {"shared/only_types.py", "shared/never.py", "shared/aside/__init__.py", "shared/aside/words.toml"}
    assert {path.as_posix() for path in files_of(tmp_path, "shared.start")} == set(files) - unneeded


def test_a_function_without_a_module_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"functions\.budget\.main"):
        build(row("budget"), tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("lock", sorted({f"{function.dependencies}.lock" for function in MANIFEST}))
def test_no_locked_package_is_left_out_on_the_deployed_python(lock: str) -> None:
    """Functions run Python 3.13. A pin whose marker does not hold there would be missing; ``scripts/lock`` resolves the sets for it too."""
    pins = [line for line in (CHECKOUT / "requirements" / lock).read_text().splitlines() if "==" in line]
    markers = {part for line in pins for part in line.partition(" ; ")[2].removesuffix(" \\").split(" and ")} - {""}
    for_linux_and_cpython = {
        "sys_platform == 'linux'",
        "platform_python_implementation != 'PyPy'",
        "implementation_name != 'PyPy'",
    }
    assert markers <= for_linux_and_cpython, "look whether the new marker holds on the deployed Python"
