#!/bin/sh
# Prints a Python 3.13 that really runs (a pyenv shim may not), or "3.13", which uv takes as a wish and downloads.
for candidate in "$(command -v python3.13)" "$(pyenv root 2>/dev/null)"/versions/3.13*/bin/python; do
  "$candidate" -c 'import sys; print(sys.executable)' 2>/dev/null && exit
done
echo 3.13
