import subprocess
import sys


def test_torch_fidelity_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, gansmith.metrics; print('torch_fidelity' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "False", answer.stderr
