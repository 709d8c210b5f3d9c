"""The errors a user can mend. Each carries the exit code of the command that meets it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every `spinebench` command."""

    DONE = 0
    FAILURES = 1  # finished, with failures above the threshold, or a gate of the plan failed
    USAGE = 2
    DATA = 3
    PROVIDER = 4  # provider or authentication, before any work
    STOPPED = 5  # by budget or limit, resumable
    INTERRUPTED = 130
    TERMINATED = 143


class SpinebenchError(Exception):
    """An error a user can mend: shown as one message, without a traceback.

    The message reads `<what> <which value!r>: expected <...>; <how to mend it>`.
    """

    exit_code: ExitCode = ExitCode.USAGE


class UsageError(SpinebenchError):
    """A wrong option, plan or configuration."""

    exit_code = ExitCode.USAGE


class DataError(SpinebenchError):
    """A wrong or missing benchmark record, image, hash, or an identifier where none may be."""

    exit_code = ExitCode.DATA


class ProviderError(SpinebenchError):
    """A provider cannot be used at all: no key, wrong key, unknown model, no permission."""

    exit_code = ExitCode.PROVIDER


class StoppedError(SpinebenchError):
    """A budget or limit ended the work early; what is finished is kept and the run can be resumed."""

    exit_code = ExitCode.STOPPED
