"""The rules of the house that ruff, mypy and import-linter cannot hold."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import gansmith

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "gansmith"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in SOURCES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
# Exempt by name. The loop is read from top to bottom, so it is not cut into pieces.
LONG_FILES: set[str] = set()
# The loop reads from top to bottom; the command is one typed parameter per option.
LONG_FUNCTIONS = {
    ("training/loop.py", "train"),
    ("cli/training.py", "train"),
    ("cli/applying.py", "inpaint"),
    ("cli/results.py", "evaluate"),
    ("cli/studies.py", "study"),
}

# Reads numpy's pickles by a reader that answers every name with a stand-in of its own.
RESTRICTED_PICKLE = "data/numpy_pickle.py"
# It stands before the constructor of every module of a program that is not ours.
WRAPPER = ("doctor/tracing.py", "noted hands on **kwargs")
UNSAFE_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "yaml.unsafe_load"}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def dotted(node: ast.expr) -> str:
    """``torch.load`` of the expression ``torch.load``, or an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def imported(tree: ast.Module) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(("." * node.level + (node.module or ""), node.lineno))
    return found


def is_true(call: ast.Call, keyword: str) -> bool:
    values = [word.value for word in call.keywords if word.arg == keyword]
    return bool(values) and isinstance(values[0], ast.Constant) and values[0].value is True


def may_be_true(call: ast.Call, keyword: str) -> bool:
    values = [word.value for word in call.keywords if word.arg == keyword]
    return bool(values) and not (isinstance(values[0], ast.Constant) and not values[0].value)


def executes_input(tree: ast.Module) -> list[str]:
    """Everything by which a user's file could be run as code."""
    found = [
        f"line {line}: import of {module}"
        for module, line in imported(tree)
        if module.split(".")[0] in UNSAFE_MODULES
    ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        safe_loader = any(dotted(word.value).endswith("SafeLoader") for word in node.keywords)
        if (
            name in UNSAFE_CALLS
            or (name in {"yaml.load", "yaml.load_all"} and not safe_loader)
            or (name == "torch.load" and not is_true(node, "weights_only"))
            or may_be_true(node, "shell")
            or may_be_true(node, "allow_pickle")
            or may_be_true(node, "trust_remote_code")
        ):
            found.append(f"line {node.lineno}: {ast.unparse(node)[:60]}")
    return found


def imports_root(tree: ast.Module) -> list[str]:
    """Names taken from the package's root: a room names the room it needs.

    ``from gansmith import config`` names a room; ``from gansmith import load`` does not.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name == "gansmith"]
        elif isinstance(node, ast.ImportFrom) and (node.level or node.module == "gansmith"):
            names = [alias.name for alias in node.names if node.level or alias.name not in ROOMS]
        else:
            continue
        found += [f"line {node.lineno}: {name}" for name in names]
    return found


def passes_kwargs_on(tree: ast.Module) -> list[str]:
    """Functions that take ``**options`` and hand ``**options`` to another call."""
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.args.kwarg:
            taken = function.args.kwarg.arg
            found += [
                f"line {call.lineno}: {function.name} hands on **{taken}"
                for call in ast.walk(function)
                if isinstance(call, ast.Call)
                for word in call.keywords
                if word.arg is None and dotted(word.value) == taken
            ]
    return found


def function_lengths(tree: ast.Module) -> dict[str, int]:
    longest: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            longest[node.name] = max(length, longest.get(node.name, 0))
    return longest


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_source_file_keeps_the_rules(path: Path) -> None:
    name = name_of(path)
    tree = parse(path)
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE or name in LONG_FILES, f"{name} has {lines} lines"
    long = {
        function: length
        for function, length in function_lengths(tree).items()
        if length > LONGEST_FUNCTION and (name, function) not in LONG_FUNCTIONS
    }
    assert not long, f"{name}: functions of more than {LONGEST_FUNCTION} lines: {long}"
    assert path.stem not in {"utils", "util", "helpers", "misc", "common"}, name
    unsafe = executes_input(tree)
    if name == RESTRICTED_PICKLE:
        assert len(unsafe) == 1, unsafe
        assert unsafe[0].endswith("import of pickle")
    else:
        assert unsafe == []
    wraps = [WRAPPER[1]] if name == WRAPPER[0] else []
    assert [each.partition(": ")[2] for each in passes_kwargs_on(tree)] == wraps
    if name not in {"__init__.py", "__main__.py"}:
        assert imports_root(tree) == []


def test_exemptions_name_things_that_need_them() -> None:
    for name in LONG_FILES:
        assert len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) > LONGEST_FILE
    for name, function in LONG_FUNCTIONS:
        assert function in function_lengths(parse(PACKAGE / name))


def test_the_one_reader_of_pickles_names_every_name_it_lets_in() -> None:
    """It uses pickle as a base class whose look-up of names is its own, and in no other way."""
    tree = parse(PACKAGE / RESTRICTED_PICKLE)
    uses = {dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    uses = {use for use in uses if use.startswith("pickle.")}
    assert uses == {"pickle.Unpickler", "pickle.UnpicklingError"}
    bases = [
        base for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases
    ]
    assert [dotted(base) for base in bases] == ["pickle.Unpickler"]
    readers = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.bases]
    assert [item.name for item in readers[0].body if isinstance(item, ast.FunctionDef)] == [
        "find_class"
    ]
    calls = [dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "pickle.Unpickler" not in calls


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "eval(text)",
        "exec(text)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "subprocess.run(line, shell=True)",
        "np.load(path, allow_pickle=True)",
        "load_dataset(name, trust_remote_code=True)",
    ],
)
def test_code_that_could_run_a_users_file_is_seen(code: str) -> None:
    assert executes_input(ast.parse(code)) != []


@pytest.mark.parametrize(
    "code",
    [
        "model.eval()",
        "yaml.safe_load(text)",
        "re.compile(pattern)",
        "torch.load(path, weights_only=True)",
        "np.load(path, allow_pickle=False)",
    ],
)
def test_safe_code_is_let_pass(code: str) -> None:
    assert executes_input(ast.parse(code)) == []


@pytest.mark.parametrize(
    "code", ["import gansmith", "from gansmith import load", "from . import x"]
)
def test_an_import_of_the_root_is_seen(code: str) -> None:
    assert imports_root(ast.parse(code)) != []


def test_an_import_of_a_room_is_let_pass() -> None:
    assert imports_root(ast.parse("from gansmith.config import Config")) == []
    assert imports_root(ast.parse("from gansmith import config")) == []


def test_kwargs_handed_on_are_seen() -> None:
    assert passes_kwargs_on(ast.parse("def f(**options):\n    g(**options)")) != []
    assert passes_kwargs_on(ast.parse("def f(options):\n    g(**options)")) == []


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, gansmith, gansmith.cli; gansmith.Config; gansmith.UserError;"
        "heavy = {'torch', 'torchvision', 'numpy', 'matplotlib', 'lightning_fabric', 'PIL'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"import gansmith imports {done.stderr.strip()}"


def test_every_public_name_is_there() -> None:
    for name in gansmith.__all__:
        assert getattr(gansmith, name) is not None
        assert name in dir(gansmith)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = gansmith.trian


def test_the_version_is_the_same_everywhere() -> None:
    assert gansmith.__version__ == PROJECT["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{gansmith.__version__}]" in changelog


# Dependencies


def requirements(*extras: str) -> list[Requirement]:
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "constraints.txt holds name==version lines only"
    return {canonical(name): version for name, version in pairs}


def test_what_is_installed_by_make_is_pinned_within_its_bounds() -> None:
    pinned = pins()
    for wanted in requirements("dev", "docs", "tensorboard"):
        version = pinned.get(canonical(wanted.name))
        assert version, f"{wanted.name} is not in constraints.txt"
        assert wanted.specifier.contains(version), f"{wanted} is pinned at {version}"


def test_pins_hold_on_every_platform() -> None:
    assert [name for name in pins() if re.match(r"nvidia-|cuda-|triton", name)] == []


def test_every_dependency_is_accounted_for() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = {canonical(name) for name in re.findall(r"^\| (\w[\w-]*) \|", text, re.MULTILINE)}
    wanted = {canonical(item.name) for item in requirements(*PROJECT["optional-dependencies"])}
    assert wanted <= rows, f"docs/dependencies.md lacks {sorted(wanted - rows)}"
    assert rows - wanted == {"package", "uv"}, "docs/dependencies.md has rows of what is not used"


# Documents


def tracked() -> list[Path]:
    """Files under version control, and new ones that it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```[^\n]*$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(path: Path) -> list[tuple[int, str]]:
    text = without_fences(path.read_text(encoding="utf-8"))
    found = re.findall(r"^(#{1,6}) +(.+?)\s*$", text, re.MULTILINE)
    return [(len(marks), title) for marks, title in found]


def anchors(path: Path) -> set[str]:
    """The anchors that a forge gives to a page's headings."""
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for _, title in headings(path))
    return {title.replace(" ", "-") for title in kept}


def links(path: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", without_fences(path.read_text(encoding="utf-8")))
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def test_links_between_documents_lead_somewhere() -> None:
    pages = [path for path in tracked() if path.suffix == ".md"]
    assert len(pages) >= 4
    dead = []
    for page in pages:
        for link in links(page):
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            if not target.exists():
                dead.append(f"{page.relative_to(ROOT)}: {link}")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                dead.append(f"{page.relative_to(ROOT)}: {link} (no such heading)")
    assert not dead, "dead links:\n" + "\n".join(dead)


def test_every_name_a_user_may_choose_is_documented() -> None:
    from gansmith.losses import LOSSES, PENALTIES
    from gansmith.models import ACTIVATIONS, MODELS, NORMS, OUTPUTS, PRIORS
    from gansmith.recipes import RECIPES
    from gansmith.tasks import TASKS
    from gansmith.training import OPTIMISERS

    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages if page.exists())
    missing = [name for name in (*RECIPES, *PRIORS, *OUTPUTS) if f"`{name}`" not in text]
    assert not missing, f"README.md and docs/ do not mention: {', '.join(missing)}"

    catalogue = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    rows = [line for line in catalogue.splitlines() if line.startswith("| `")]
    tables = (LOSSES, PENALTIES, MODELS, ACTIVATIONS, NORMS, TASKS, OPTIMISERS)
    for name in [name for table in tables for name in table]:
        assert any(row.startswith(f"| `{name}` |") for row in rows), f"no row for {name}"


def test_both_readmes_have_the_same_sections() -> None:
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    if not (english.exists() and chinese.exists()):
        pytest.skip("the two READMEs are not both written yet")
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]


REGISTRIES = r"""
    \b (?: pypi | npmjs | yarnpkg | anaconda | crates | pythonhosted ) [.] (?: org | com | io )
    | download [.] pytorch [.] org
    | \b (?: deb | security | archive | ftp ) [.] (?: debian | ubuntu ) [.]
    | :// (?: registry | mirrors? | proxy | nexus | artifactory ) [.]
    | [\w.:-]+ /simple (?! [\w.-] )
"""
MACHINE_PATHS = r"""
    (?<! [\w.] ) / (?: work | root | workspace | mnt | scratch ) / \w
    | (?<! [\w.] ) / (?: home | Users ) / \w+ /
    | (?<! [\w.] ) / tmp / [a-z] /
    | /opt/(?: wheels | pypi )
"""
PLACES = re.compile(f"{REGISTRIES} | {MACHINE_PATHS}", re.VERBOSE)


def test_no_file_names_a_registry_or_somebodys_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if match := PLACES.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "parts",
    [
        ("https://py", "pi.org/x"),
        ("https://some.host", "/simple"),
        ("/ho", "me/ann/data"),
        ("/ro", "ot/x"),
        ("https:", "//registry.example.org"),
    ],
)
def test_a_place_that_exists_on_one_machine_is_seen(parts: tuple[str, str]) -> None:
    assert PLACES.search("".join(parts))
    assert not PLACES.search("see /usr/share/datasets and ./home/page and https://semver.org")


def test_recipes_are_listed_without_torch() -> None:
    code = "import sys, gansmith.recipes; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
