"""How a command ends: its exit code, and what it says of an error.

A user's mistake and what the operating system refuses are one line; an error of ours keeps its
traceback and says where to report it; Ctrl-C and a reader that closed its pipe are silent.
"""

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable

import click

from commonfate.base.errors import UserError, as_user_error

DATA, USAGE = 1, 2
INTERRUPTED = 128 + signal.SIGINT


def run(command: Callable[[], object]) -> int:
    """Run a command to its end, also the writing of what it printed.

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
        return DATA  # as click ends where it writes the last line itself
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "commonfate"
        _say(f"{where}: {error.format_message()}")
        return USAGE
    except UserError as error:
        _say(str(error))
        return DATA
    except Exception as error:
        refused = as_user_error(error)
        _say(str(refused) if refused else _bug(error))
        _drop(sys.stdout)  # what could not be written is not tried again at exit
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
    except OSError:  # a log on the disk that is full: the exit code is all that can be told
        _drop(sys.stderr)


def _drop(stream: object) -> None:
    """Send the rest of a stream nowhere, so that Python does not fail on it at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # a stream without file, as in tests
        return
