"""End of a command: its exit code, and the message of an error.

A user's mistake, or an error of the operating system, is one line. A bug keeps its traceback and
asks for a report. Ctrl-C and a closed pipe are silent.
"""

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable
from typing import TextIO

import click

from commonfate.base.errors import UserError, as_user_error

DATA, USAGE = 1, 2
INTERRUPTED = 128 + signal.SIGINT


def run(command: Callable[[], object]) -> int:
    """Run a command to its end and flush its output.

    Returns:
        The exit code: 0, 1 (data, system, a closed pipe, or a bug), 2 (usage), 130 (Ctrl-C).
    """
    try:
        command()
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _drop(sys.stdout)
        return DATA  # click ends so, too, when it writes the last line itself
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "commonfate"
        _say(f"{where}: {error.format_message()}")
        return USAGE
    except UserError as error:
        _say(str(error))
        return DATA
    except Exception as error:
        system_error = as_user_error(error)
        _say(str(system_error) if system_error else _bug(error))
        _drop(sys.stdout)  # do not try again at exit to write the rest
        return DATA
    return 0


def _bug(error: Exception) -> str:
    from commonfate.base.provenance import code_version

    command = shlex.join(["commonfate", *sys.argv[1:]])
    return (
        f"{''.join(traceback.format_exception(error))}This is a bug of commonfate "
        f"{code_version()}; please report it with the lines above and the command: {command}"
    )


def _say(text: str) -> None:
    try:
        click.echo(text, err=True)
    except OSError:  # the log is on the full disk: only the exit code is left
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    """Discard the rest of a stream, so that Python does not fail on it at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # a stream without file, as in tests
        return
