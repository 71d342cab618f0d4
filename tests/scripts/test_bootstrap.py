"""The shell part of the two commands: which Python is taken, and when nothing is installed."""

import subprocess
import sys
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
        (self.bin / name).write_text(f"#!/bin/sh\nexit {exits}\n")
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
    (shell.bin / "python3").write_text("#!/bin/sh\ncase $* in *ensurepip*) exit 1 ;; esac\n")
    (shell.bin / "python3").chmod(0o755)
    ran = shell.run("bootstrap run")
    assert ran.returncode == 1
    assert "apt-get install python3-venv" in ran.stderr
    assert not (shell.root / ".venv").exists()


def installed(shell: Shell, kind: str) -> None:
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
    """With a real Python as far as its pip, which this environment lacks. Elsewhere than on Linux nothing is relinked."""
    here = tmp_path / "here"
    here.mkdir()
    for name in ("ensurepip", "logging", "pip", "subprocess", "sys", "venv", "zipfile"):
        (here / f"{name}.py").write_text(f"open({str(here / 'executed')!r}, 'w')\n")
    (shell.bin / "uname").unlink()
    (shell.bin / "uname").write_text(f"#!/bin/sh\necho {system}\n")
    (shell.bin / "python3").write_text(
        "#!/bin/sh\n"
        f'case $* in *"-m venv"*) exec "{sys.executable}" "$@" --without-pip ;; *) exec "{sys.executable}" "$@" ;; esac\n'
    )
    for name in ("uname", "python3"):
        (shell.bin / name).chmod(0o755)
    ran = shell.run("bootstrap run", cwd=here)
    assert "No module named pip" in ran.stderr
    assert not (here / "executed").exists()
