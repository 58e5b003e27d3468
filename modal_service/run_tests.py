"""Lints and tests modal_service: `python3 modal_service/run_tests.py`.

The first run makes modal_service/.venv and installs what requirements.txt pins; later ones need no network.
Further arguments go to pytest. Ends with another exit code than 0 when anything fails.
"""

import hashlib
import os
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(FOLDER, ".venv")
REQUIREMENTS = os.path.join(FOLDER, "requirements.txt")
INSTALLED = os.path.join(VENV, "installed")
OLDEST = (3, 10)


def main():
    """Checks the Python, makes the environment if need be, and runs the tools until one fails."""
    if sys.version_info < OLDEST:
        # Nothing in this file may be newer than Python 3.6, or this is never reached.
        version = "{}.{}".format(*sys.version_info[:2])
        sys.exit(
            "modal_service needs Python 3.10 or newer, and this is " + version + ". "
            "Install one and run: python3.12 modal_service/run_tests.py"
        )
    python = environment()
    for command in (
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "pytest", "--quiet", *sys.argv[1:]],
    ):
        code = subprocess.run([python, *command], cwd=FOLDER).returncode
        if code:
            sys.exit(code)


def environment():
    """The Python of an environment with what requirements.txt says; it is made anew when that changed."""
    python = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python")
    with open(REQUIREMENTS, "rb") as file:
        wanted = hashlib.sha256(file.read() + sys.version.encode()).hexdigest()
    if os.path.exists(INSTALLED) and os.path.exists(python):
        with open(INSTALLED) as file:
            if file.read() == wanted:
                return python
    print("Installing what modal_service/requirements.txt pins; this happens once.", flush=True)
    if subprocess.run([sys.executable, "-m", "venv", "--clear", VENV]).returncode:
        sys.exit("Python could not make a virtual environment. On Debian or Ubuntu: apt install python3-venv")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
    if subprocess.run(pip).returncode:
        sys.exit("pip could not install modal_service/requirements.txt; what it says above is why")
    # Written last: a run that was cut off starts over.
    with open(INSTALLED, "w") as file:
        file.write(wanted)
    return python


main()
