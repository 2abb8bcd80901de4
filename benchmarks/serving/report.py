"""Where results go: build/bench.json, and the section between the marks of benchmarks/README.md."""

import json
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

README = Path("benchmarks/README.md")
RESULTS = Path("build/bench.json")
BEGIN, END = "<!-- serving -->", "<!-- /serving -->"


def record(document: dict[str, Any], text: str) -> None:
    """Writes what was measured, and says when and where."""
    where = {"date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    RESULTS.parent.mkdir(exist_ok=True)
    results = json.dumps({**where, **document}, indent=2, ensure_ascii=False)
    RESULTS.write_text(results + "\n")
    stamped = f"{where['date']}, {where['machine']}; {text.strip()}"
    README.write_text(with_section(README.read_text(), stamped))


def with_section(document: str, text: str) -> str:
    """A document with the text between its marks. Raises ValueError where it has none."""
    before, _, rest = document.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{README} has no marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def machine() -> str:
    """This machine in a line: processors, memory, system, Python."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {model[1] if model else platform.machine()}, {memory:.0f} GiB, "
        f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    )
