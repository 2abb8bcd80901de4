"""The README's lines run as they stand."""

import re
import subprocess

from local.cloud import LocalCloud
from local.terraform import REPOSITORY


def test_the_requests_of_the_readme_run_as_they_are(cloud: LocalCloud) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (script,) = [s for s in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL) if "sigv4()" in s]
    source = f"source {cloud.folder.with_suffix('.env')}"

    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{source}\n{script}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count('"status":"SUCCEEDED"') == 2
    assert '"label":"Gentoo"' in ran.stdout
    assert '"alias":"live"' in ran.stdout
