"""A process that has loaded what a command loads, and forks a copy of itself for each one.

Most of a short command is importing torch. Here it is imported once: each line on standard input
asks for a process (``code`` to run, ``argv``, ``cwd``, ``out`` and ``err`` for what it prints), or,
by ``wait``, how one has ended. Nothing is computed in this process, so that a copy is like new.
"""

import json
import os
import signal
import sys


def load() -> None:
    """What a command would import late, and so each one anew."""
    import warnings

    warnings.simplefilter("ignore")

    import lightning_fabric  # noqa: F401
    import torch._dynamo  # noqa: F401 - which the first optimiser imports

    from gansmith.apps import planning, train  # noqa: F401
    from gansmith.doctor.findings import LANGUAGES, texts
    from gansmith.reports.html import environment

    for name in ("report.html.j2", "study.html.j2"):
        environment().get_template(name)
    for language in LANGUAGES:
        texts(language)
    # As in the tests' own process: how fast this machine is does not matter.
    planning.GLANCE = planning.LOOK = 0.01
    warnings.resetwarnings()


def become(asked: dict) -> None:
    """What the copy does first: folder, arguments and streams, and signals as they are by default.

    It leads a group of its own, by which it can be killed with all that it starts.
    """
    os.setsid()
    os.chdir(asked["cwd"])
    for number in (signal.SIGINT, signal.SIGTERM):  # whoever runs the tests may ignore them
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else 0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    sys.argv = asked["argv"]


def serve() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            pid, status = os.waitpid(asked["wait"], os.WNOHANG)
            told = os.waitstatus_to_exitcode(status) if pid else None
        else:
            told = os.fork()
            if told == 0:
                become(asked)
                exec(compile(asked["code"], "<asked>", "exec"), {"__name__": "__main__"})
                sys.exit(0)
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    load()
    serve()
