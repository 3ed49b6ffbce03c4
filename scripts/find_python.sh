# Sourced by other scripts: finds a Python.

# Prints the name of a Python that the project supports.
find_python() {
    local python
    for python in python3 python3.13 python3.12 python3.11 python3.14 python3.15; do
        if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 16))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    echo "Python 3.11 to 3.15 is needed; found: $(python3 --version 2>/dev/null || echo no python3)" >&2
    return 1
}

# Prints the path of Python $1 (3.12, say): one on the path, beside the python3 there (as pyenv has them), or of pyenv.
find_at_hand() {
    local beside each
    beside=$(python3 -c 'import sys; print(sys.base_prefix)' 2>/dev/null)/..
    for each in "python$1" "$beside/$1".*/bin/python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        if "$each" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            echo "$each"
            return
        fi
    done
    return 1
}
