"""The terminal's commands, run here or in a child process."""

import pytest

from netbuilder import cli
from netbuilder.project import Project


@pytest.fixture
def run(capsys):
    """Run the command line here: (exit code, output, errors)."""

    def run(*arguments):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as leave:
            code = leave.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def spiral(tmp_path):
    path = tmp_path / "spiral.netb"
    Project.new("spiral").save(path)
    return path
