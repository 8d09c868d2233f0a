"""The command of the long proof, at a size that takes a moment."""

import subprocess
import sys

COMMAND = (sys.executable, "-m", "tests.conservation", "--database-kills", "0", "--mutations", "300")


def test_the_long_proof_says_first_how_long_it_takes_and_then_what_came_of_it() -> None:
    done = subprocess.run((*COMMAND, "--kills", "0", "--cuts", "2"), capture_output=True, text=True, check=False)
    expected, connections, pushes, files = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert expected.startswith("expected: ")
    assert connections.startswith("1 connections to the database cut in ")
    assert pushes.startswith("1 pushes cut in ")
    assert files.startswith("300 mangled files in ")
    assert connections.endswith("; 0 differences")
    assert pushes.endswith("; 0 differences")
    assert files.endswith("; 0 failures")
