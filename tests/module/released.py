"""What upgrades start from: the state of each release's quickstart, without what says nothing.

    python -m tests.module.released STATE    # writes releases/<VERSION>.json

No tag has to be there, and no history, which a shallow clone lacks.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.module.support import VERSION

RELEASES = Path(__file__).parent / "releases"
LONG = 4096
"""Characters of a value that is left out: the API's document, which every release changes."""


def essence(state: dict[str, Any]) -> dict[str, Any]:
    """A state that Terraform reads like the whole one, of managed resources and what they are."""
    resources = [
        {
            **{key: resource[key] for key in ("module", "mode", "type", "name", "provider")},
            "instances": [
                {
                    **{key: one[key] for key in ("index_key", "schema_version") if key in one},
                    "attributes": {
                        name: value
                        for name, value in one["attributes"].items()
                        if value not in (None, [], {}) and len(json.dumps(value)) < LONG
                    },
                }
                for one in resource["instances"]
            ],
        }
        for resource in state["resources"]
        if resource["mode"] == "managed"
    ]
    return {"version": state["version"], "lineage": "-", "serial": 1, "resources": resources}


def main() -> None:
    state = essence(json.loads(Path(sys.argv[1]).read_text()))
    text = ",\n".join(json.dumps(resource) for resource in state.pop("resources"))
    head = json.dumps(state).removesuffix("}")
    RELEASES.mkdir(exist_ok=True)
    (RELEASES / f"{VERSION}.json").write_text(f'{head}, "resources": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
