"""Several commands, one after the other, by the same two ranks: started by `test_sharing.py`.

    torchrun --nproc-per-node 2 sharing_worker.py commands.json answers.json

To start two processes costs more than any of these commands. Of each, what every rank prints and
complains is written beside its exit status.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from gansmith.cli import main
from gansmith.engine import gathered

commands, answers = (Path(word) for word in sys.argv[1:])
found: list[tuple[int, str, str]] = []
for words in json.loads(commands.read_text("utf-8")):
    sys.argv = ["gansmith", *words]
    status, said, complained = 0, io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(complained):
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    found.append((status, said.getvalue(), complained.getvalue()))
ranks = gathered(found)
if ranks is not None:
    answers.write_text(json.dumps(ranks), "utf-8")
