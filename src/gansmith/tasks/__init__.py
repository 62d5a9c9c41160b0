"""Tasks: which terms D and G minimise on a batch."""

from gansmith.tasks.generation import Controls, Generation, Micro, Side, Task, View

TASKS = {"generation": Generation}

__all__ = ["TASKS", "Controls", "Generation", "Micro", "Side", "Task", "View"]
