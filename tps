#!/bin/sh
# The entry for people: creates the virtual environment in its own folder, then runs the command.
set -eu

fail() { echo "tps: $*" >&2; exit 2; }
say() { echo "tps: $*" >&2; }

here=$(cd -- "$(dirname -- "$0")" && pwd -P)
venv=$here/.venv
python=""
for candidate in "${TPS_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "needs Python 3.11 or newer; if its name is not python3, set TPS_PYTHON to its path"

# Download sizes on Linux.
case "${1:-}" in
    test | check) lock=requirements-dev.lock size="240 MB" ;;
    *) lock=requirements.lock size="110 MB" ;;
esac

# The stamp identifies the installed packages. The dev lock contains all packages of the other lock.
sum() { cksum <"$here/$1" | tr ' ' '-'; }
stamp() { echo "$1 $(sum "$1") $(sum pyproject.toml) $here"; }
is_installed() {
    [ -x "$venv/bin/python" ] && [ -f "$venv/.installed" ] || return 1
    installed=$(cat "$venv/.installed")
    [ "$installed" = "$(stamp "$lock")" ] || [ "$installed" = "$(stamp requirements-dev.lock)" ]
}

# Read pip's output. Print every tenth package, and each file of 1 MB or more before its download.
show_progress() {
    count=0
    total=$(grep -c '==' "$1")
    while IFS= read -r line; do
        case $line in
            "Ignoring "*) total=$((total - 1)) ;;
            *"(from -r "*)
                count=$((count + 1))
                [ $((count % 10)) -ne 0 ] || say "  $count of $total packages"
                ;;
            *Downloading*MB\)) say "  $count of $total: ${line##*Downloading }" ;;
            "Installing collected packages:"*) say "  unpacking" ;;
            failed) return 1 ;;
        esac
    done
}

install_lock() {
    { "$venv/bin/python" -m pip install --progress-bar off --disable-pip-version-check \
        --require-hashes -r "$here/$1" || echo failed; } | show_progress "$here/$1" ||
        fail "the installation failed (see above); run the same command to retry"
}

install() {
    is_installed && return 0
    rm -f "$venv/.installed"
    if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
        say "creating the virtual environment .venv"
        "$python" -m venv --clear "$venv" || fail "cannot create $venv (on Debian and Ubuntu: apt install python3-venv)"
    fi
    say "installing the packages of $lock (only once; downloads about $size)"
    install_lock "$lock"
    if ! command -v npm >/dev/null && ! [ -x "$venv/bin/npm" ]; then
        say "installing npm for the GUI, because this machine has no npm (downloads about 60 MB)"
        install_lock requirements-npm.lock
    fi
    say "installing the project itself"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e "$here" >&2 ||
        fail "the installation of the project failed (see above)"
    stamp "$lock" >"$venv/.installed.new"
    mv "$venv/.installed.new" "$venv/.installed"
    say "installed"
}

if ! is_installed; then
    [ -w "$here" ] || fail "you have no permission to write to $here, which must contain the virtual environment"
    # Python holds a lock, so that a second caller waits for the first and then finds everything installed.
    if [ "${TPS_INSTALLING:-}" != "$here" ]; then
        TPS_INSTALLING=$here "$python" - "$here/.venv.lock" "$0" "$@" <<'PYTHON' || exit $?
import fcntl, subprocess, sys

with open(sys.argv[1], "w") as lock:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("tps: waiting for another installation", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        sys.exit(subprocess.call(["/bin/sh", *sys.argv[2:]]))
    except KeyboardInterrupt:
        sys.exit(130)
PYTHON
    else
        install
        exit 0
    fi
fi
[ "${TPS_INSTALLING:-}" != "$here" ] || exit 0

# Make the checkout importable, which only `tools` needs.
PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} exec "$venv/bin/python" -m tools.cli "$@"
