"""The shell part of the two commands: which Python is taken, and when nothing is installed."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Shell:
    """A checkout with nothing but the scripts, and a PATH with the programs that the test puts there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        (root / "scripts").symlink_to(ROOT / "scripts")
        for name in ("pyproject.toml", "constraints.txt"):
            (root / name).write_text((ROOT / name).read_text())
        for name in ("cat", "cksum", "head", "mkdir", "rm", "uname"):
            (self.bin / name).symlink_to(f"/usr/bin/{name}" if Path(f"/usr/bin/{name}").exists() else f"/bin/{name}")

    def python(self, name: str, *, exits: int = 0) -> None:
        """A Python as far as the scripts ask: it runs nothing, and answers `-c` with a status."""
        self.program(name, f"exit {exits}")

    def program(self, name: str, script: str) -> None:
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def run(self, command: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        script = f'set -eu; ROOT="{self.root}"; . "$ROOT/scripts/lib.sh"; {command}'
        return subprocess.run(
            ("/bin/sh", "-c", script, "scripts/up"),
            env={"PATH": str(self.bin), **variables},
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_the_first_python_that_is_new_enough_is_taken(shell: Shell) -> None:
    shell.python("python3", exits=1)
    shell.python("python3.12")
    shell.python("python3.11")
    assert shell.run("find_python").stdout == "python3.12\n"


def test_the_variable_decides(shell: Shell) -> None:
    shell.python("python3")
    shell.python("mine")
    assert shell.run("find_python", PYTHON="mine").stdout == "mine\n"
    shell.python("old", exits=1)
    ran = shell.run("find_python", PYTHON="old")
    assert ran.returncode == 1
    assert ran.stderr == "up: PYTHON=old is not Python 3.11 or newer\n"


def test_without_any_python_the_message_says_what_is_needed(shell: Shell) -> None:
    ran = shell.run("find_python")
    assert ran.returncode == 1
    assert "Python 3.11 or newer is needed" in ran.stderr


def test_a_python_without_venv_says_what_to_install(shell: Shell) -> None:
    shell.program("python3", "case $* in *ensurepip*) exit 1 ;; esac")
    ran = shell.run("bootstrap run")
    assert ran.returncode == 1
    assert "apt-get install python3-venv" in ran.stderr
    assert not (shell.root / ".venv").exists()


def installed(shell: Shell, kind: str) -> None:
    """An environment that holds what `kind` asks for, with a real Python in it."""
    (shell.root / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    (shell.root / ".venv" / "bin" / "python").unlink(missing_ok=True)
    (shell.root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (shell.root / ".venv" / "installed").write_text(shell.run(f"fingerprint {kind}").stdout)


@pytest.mark.parametrize(("there", "wanted"), [("run", "run"), ("dev", "dev"), ("dev", "run")])
def test_what_is_installed_is_not_installed_again(shell: Shell, there: str, wanted: str) -> None:
    installed(shell, there)
    ran = shell.run(f"bootstrap {wanted}")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_run_does_not_hold_what_the_tests_need(shell: Shell) -> None:
    installed(shell, "run")
    assert shell.run("is_installed dev").returncode == 1


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_pins_are_installed_over_what_is_there(shell: Shell, name: str) -> None:
    installed(shell, "dev")
    with (shell.root / name).open("a") as file:
        file.write("# changed\n")
    assert shell.run("is_installed dev").returncode == 1
    assert shell.run("is_reusable").returncode == 0


def test_a_moved_checkout_is_installed_afresh(shell: Shell) -> None:
    installed(shell, "dev")
    stamp = shell.root / ".venv" / "installed"
    stamp.write_text(stamp.read_text().replace(str(shell.root), "/elsewhere"))
    assert shell.run("is_installed dev").returncode == 1
    assert shell.run("is_reusable").returncode == 1


@pytest.mark.parametrize("system", ["Linux", "Darwin"])
def test_modules_of_the_current_directory_are_never_executed(shell: Shell, tmp_path: Path, system: str) -> None:
    """As far as pip, which this environment lacks; elsewhere than on Linux honker is not relinked."""
    here = tmp_path / "here"
    here.mkdir()
    for name in ("ensurepip", "logging", "pip", "subprocess", "sys", "venv", "zipfile"):
        (here / f"{name}.py").write_text(f"open({str(here / 'executed')!r}, 'w')\n")
    shell.program("uname", f"echo {system}")
    real = f'exec "{sys.executable}" "$@"'
    shell.program("python3", f'case $* in *"-m venv"*) {real} --without-pip ;; *) {real} ;; esac')
    ran = shell.run("bootstrap run", cwd=here)
    assert "No module named pip" in ran.stderr
    assert not (here / "executed").exists()


INSTALLER = """\
echo "$*" >>"{log}"
case $* in
    *"-m venv --clear"*) mkdir -p "{venv}/bin" && cp "$0" "{venv}/bin/python" ;;
    *"pip install"*"--dry-run"*) [ ! -e "{root}/unreachable" ] ;;
    *"pip install"*) [ ! -e "{root}/cut-off" ] ;;
    *flock*) exec "{python}" "$@" ;;
esac
"""


def with_installer(shell: Shell) -> Path:
    """A Python that installs by saying so in the log whose path is returned; it waits for locks like a real one."""
    log = shell.root / "log"
    script = INSTALLER.format(log=log, venv=shell.root / ".venv", root=shell.root, python=sys.executable)
    shell.program("python3", script)
    shell.program("cp", 'exec /bin/cp "$@"')
    return log


def test_an_update_that_cannot_be_had_leaves_what_works(shell: Shell) -> None:
    log = with_installer(shell)
    assert shell.run("bootstrap run").returncode == 0
    project = shell.root / "pyproject.toml"
    before = project.read_text()
    project.write_text(before + "# changed\n")
    (shell.root / "unreachable").touch()
    ran = shell.run("bootstrap run")
    assert ran.returncode == 1
    assert "what was installed is as it was" in ran.stderr
    project.write_text(before)
    assert shell.run("bootstrap run").stderr == ""
    assert log.read_text().count("-m venv --clear") == 1


def test_an_update_that_was_cut_off_is_done_again_over_what_is_there(shell: Shell) -> None:
    log = with_installer(shell)
    assert shell.run("bootstrap run").returncode == 0
    with (shell.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    (shell.root / "cut-off").touch()
    assert shell.run("bootstrap run").returncode == 1
    assert shell.run("is_installed run").returncode == 1
    (shell.root / "cut-off").unlink()
    assert shell.run("bootstrap run").returncode == 0
    assert shell.run("is_installed run").returncode == 0
    assert log.read_text().count("-m venv --clear") == 1


def test_of_two_that_start_at_once_one_installs_and_the_other_waits(shell: Shell) -> None:
    log = with_installer(shell)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: shell.run("bootstrap run"), range(2)))
    assert [ran.returncode for ran in both] == [0, 0]
    assert log.read_text().count("-m venv --clear") == 1
    assert shell.run("bootstrap run").stderr == ""
