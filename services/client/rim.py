"""The rim of the command line: whatever ends a command becomes one line and an exit code, never a stack trace."""

import errno
import os
import sys
from collections.abc import Callable

import click

from services.client.errors import ExitCode, exit_code_of, told
from shared.errors import LeewardError


def exit_code(command: Callable[[], None]) -> int:
    """Run a command and return what the process ends with; what went wrong is said on standard error."""
    try:
        command()
        sys.stdout.flush()
    except click.exceptions.Exit as fault:
        return fault.exit_code
    except click.Abort as fault:
        return _interrupted() if _by_hand(fault) else _say("aborted", ExitCode.FAILED)
    except KeyboardInterrupt:
        return _interrupted()
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code
    except LeewardError as fault:
        return _say(told(fault), exit_code_of(fault))
    except OSError as fault:
        if fault.errno != errno.EPIPE:
            raise
        return _unread()
    return ExitCode.DONE


def _by_hand(fault: BaseException) -> bool:
    """Return whether Ctrl-C is behind it, and not a question that was answered with no."""
    behind = fault.__cause__ or fault.__context__
    return isinstance(behind, KeyboardInterrupt)


def _interrupted() -> int:
    if sys.stderr.isatty():
        click.echo(err=True)  # behind the ^C that the terminal shows
    return ExitCode.INTERRUPTED


def _say(text: str, code: ExitCode) -> int:
    click.echo(f"Error: {text}", err=True)
    return code


def _unread() -> int:
    """Leave in silence: `leeward job list | head` is no failure, and Python would complain once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        return ExitCode.BROKEN_PIPE
    finally:
        os.close(nowhere)
    return ExitCode.BROKEN_PIPE
