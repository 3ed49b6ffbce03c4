# Sourced by scripts/test and scripts/demo: goes to the project root and makes it ready on Debian or Ubuntu.
# Prints only what it has to do; a second start finds everything in place.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/find_python.sh

# What Qt and OpenGL need beside the wheels, on a machine without a desktop.
packages=(
    xvfb xauth libgl1 libegl1 libdbus-1-3 libglib2.0-0 libfontconfig1 libxkbcommon-x11-0
    libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0
)

install_packages() {
    local missing=() package present root=() log
    # Since the change to 64-bit time, libglib2.0-0 is called libglib2.0-0t64 and provides the old name.
    present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" "${@/%/t64}" 2>/dev/null) || true
    for package; do
        grep -Eqx "installed ${package//./\\.}(t64)?" <<<"$present" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "Debian packages are missing. Install them, then start again:" >&2
            echo "    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
            return 1
        fi
        root=(sudo -n)
    fi
    echo "Installing Debian packages: ${missing[*]}"
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    local install=("${apt[@]}" install --no-install-recommends "${missing[@]}")
    # The first try fails where the package lists are absent or out of date.
    if ! log=$({ "${install[@]}" || { "${apt[@]}" update && "${install[@]}"; }; } 2>&1 </dev/null); then
        echo "$log" >&2
        return 1
    fi
}

# What .venv was made for: its Python, its place and the project's requirements.
state() {
    { .venv/bin/python --version && pwd && cat pyproject.toml; } | sha256sum
}

is_ready() {
    [ "$(state)" = "$(cat .venv/installed)" ]
} 2>/dev/null

make_environment() {
    # Python compiles what it imports; pip would compile all, most of which nothing imports, on one core.
    local made_for pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet install --no-compile)
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
    made_for=$(state)
    "${pip[@]}" --upgrade 'pip>=25.1' uv # the first pip that knows --group
    echo "Installing napari-mathimg, napari and the test tools"
    # uv takes half of the time; pip also finds packages where only its own configuration names an index.
    local all=(--editable '.[all]' --group test)
    VIRTUAL_ENV=.venv .venv/bin/uv --quiet --native-tls pip install "${all[@]}" || "${pip[@]}" "${all[@]}"
    echo "$made_for" >.venv/installed
}

# Runs a command on a screen of its own, without the user's napari settings.
on_virtual_screen() (
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    export XDG_RUNTIME_DIR=$folder NAPARI_CONFIG=$folder/settings.yaml QT_QPA_PLATFORM=xcb LIBGL_ALWAYS_SOFTWARE=1
    xvfb-run -a -s "-screen 0 1280x800x24" "$@"
)

if ! is_ready; then
    python=$(find_python)
    # Debian keeps ensurepip apart; without it `python -m venv` leaves half a folder.
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        packages+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
fi
if command -v dpkg-query >/dev/null; then
    install_packages "${packages[@]}"
fi
if ! is_ready; then
    # Of two that start at the same time, one waits for the other.
    exec {lock}<pyproject.toml
    flock "$lock"
    is_ready || make_environment
    exec {lock}<&-
fi
