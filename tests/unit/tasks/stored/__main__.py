import sys

from tests.unit.tasks.stored import write

release, *tasks = sys.argv[1:]
for task in tasks:
    print(f"wrote {write(release, task)}")
