# Shared by the commands beside it: one virtual environment in .venv, installed once for each set of pins.
# Sourced, with ROOT set to the checkout.

die() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# Whether a command is a Python that is new enough. -I, here and below: modules of the current directory are not ours.
is_python() {
    "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Print the Python to use: $PYTHON if it is set, else the first that fits.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_python "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11 or newer"
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && is_python "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed; none was found (name one with PYTHON=/path/to/python)"
}

# What an installation depends on, in two lines: the place, which scripts in .venv name, and the pins. $1: "run" or "dev".
fingerprint() {
    printf '%s\n%s %s %s\n' "$ROOT" "$1" "${PYTHON:-}" \
        "$(cat "$ROOT/pyproject.toml" "$ROOT/constraints.txt" "$ROOT/scripts/relink_honker.py" | cksum)"
}

# Whether .venv holds what $1 asks for. The dev extra holds everything that a run needs.
is_installed() {
    [ -f "$ROOT/.venv/installed" ] && is_python "$ROOT/.venv/bin/python" || return 1
    installed=$(cat "$ROOT/.venv/installed")
    [ "$installed" = "$(fingerprint "$1")" ] || [ "$installed" = "$(fingerprint dev)" ]
}

# Whether .venv, though out of date, can be installed over: a process that runs from it then lives on.
is_reusable() {
    [ -z "${PYTHON:-}" ] && [ -f "$ROOT/.venv/installed" ] && is_python "$ROOT/.venv/bin/python" &&
        [ "$(head -n 1 "$ROOT/.venv/installed")" = "$ROOT" ]
}

make_venv() {
    python=$(find_python) || exit 1
    "$python" -I -c 'import ensurepip, venv' 2>/dev/null ||
        die "this Python cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"
    "$python" -I -m venv --clear "$ROOT/.venv" || die "the virtual environment cannot be made"
}

# honker's wheel for Linux brings an SQLite of its own; two of them in one process lose commits (docs/adr/0013).
relink_honker() {
    if [ "$(uname -s)" = Linux ]; then
        "$ROOT/.venv/bin/python" -I "$ROOT/scripts/relink_honker.py" "$ROOT/constraints.txt" "$ROOT/wheelhouse"
    fi
}

# The packages of $1 with the pins, into .venv. What follows are further options of pip's.
install_packages() {
    case $1 in
        run) what=$ROOT ;;
        *) what="${ROOT}[$1]" ;;
    esac
    shift
    "$ROOT/.venv/bin/python" -I -m pip install --quiet --disable-pip-version-check "$@" \
        --find-links "$ROOT/wheelhouse" --constraint "$ROOT/constraints.txt" --editable "$what"
}

# One installation at a time, while descriptor 9 is open: the kernel drops the lock with its holder.
take_turn() {
    python=$(find_python) || exit 1
    "$python" -I -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || die "no lock can be held on wheelhouse/lock"
}

# What is installed and works is left alone until all that replaces it is at hand.
install() {
    if is_reusable; then
        relink_honker && install_packages "$1" --dry-run ||
            die "the packages cannot be had; what was installed is as it was"
    else
        make_venv
        relink_honker || die "honker cannot be made ready"
    fi
    # Until the end only the place holds: an installation that is cut off is done again, over what is there.
    printf '%s\n' "$ROOT" >"$ROOT/.venv/installed"
    install_packages "$1" || die "the packages cannot be installed"
    fingerprint "$1" >"$ROOT/.venv/installed"
}

# Make .venv hold the appliance; with nothing to do, say and do nothing. $1: "run", or "dev" for the tests' tools too.
bootstrap() {
    is_installed "$1" && return
    printf 'Installing into %s\n' "$ROOT/.venv" >&2
    mkdir -p "$ROOT/wheelhouse"
    (
        take_turn
        is_installed "$1" || install "$1"
    ) 9>"$ROOT/wheelhouse/lock" || exit 1
}
