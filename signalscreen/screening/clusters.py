"""Workers of one's own on this machine, or those of a Dask cluster that is running, as an executor. No TensorFlow.

They are spawned, never forked: TensorFlow's threads do not survive a fork. No client is made Dask's default: what
else this process does with Dask, such as xarray when it writes a file, is not theirs, and a client that finds no
scheduler would stay the default (distributed 2026.8).
"""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from signalscreen.errors import OptionError, WorkerError

# A shard that takes three workers down with it is at fault itself.
_RETRIES = 2
# Ctrl-C in a terminal reaches workers too; the process that started them ends them in order.
_LEFT_TO_THE_PARENT = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


@contextmanager
def executor_of(
    *, workers: int | None = None, scheduler: str | None = None, timeout: float = 10.0
) -> Iterator[Executor]:
    """Give an executor for `screen_recording`, and clear up after it.

    Parameters
    ----------
    workers : int, optional
        Start so many processes on this machine, which share its cores and listen on loopback only. A worker that
        is killed is started again, and costs the shard that it was at.
    scheduler : str, optional
        Address of a Dask scheduler that is running, ``tcp://host:8786``. Its workers need this package, and must
        be able to read model and recording, and to write the store, under the same paths.
    timeout : float
        Seconds to wait for that scheduler, and for its first worker.

    Yields
    ------
    concurrent.futures.Executor
        As a script that is run itself, guard what uses it by ``if __name__ == "__main__":``, since workers import
        the script.

    Raises
    ------
    OptionError
        Both or none of the two were given, or less than one worker; or Dask is not installed.
    WorkerError
        The scheduler does not answer, or has no workers.

    References
    ----------
    Rocklin, M. "Dask: parallel computation with blocked algorithms and task scheduling." SciPy 2015.
    """
    if workers is not None and scheduler is None:
        joined = _started(workers)
    elif scheduler is not None and workers is None:
        joined = _found(scheduler, timeout)
    else:
        raise OptionError("give either a number of workers or the address of a scheduler, one of the two")
    with joined as client:
        # pure=False: the same shard asked for again is done again, not answered from memory.
        yield client.get_executor(retries=_RETRIES, pure=False)


def _dask() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise OptionError("workers need Dask, which is not installed: pip install signalscreen[dask]") from error
    return distributed


@contextmanager
def _started(workers: int) -> Iterator[Any]:
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise OptionError(f"workers={workers!r} is no number of processes; give 1 or more")
    distributed = _dask()
    before = {*os.environ}
    cluster = distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # of its health page, which it always has
        memory_limit=0,  # a shard's memory is bounded; a worker near an estimated limit would be killed for nothing
        silence_logs=logging.CRITICAL,
        env=_environment(workers),
        preload=[_LEFT_TO_THE_PARENT],
    )
    given = {*os.environ} - before  # to this process, though meant for the workers: OMP_NUM_THREADS=1, for one
    try:
        with cluster, distributed.Client(cluster, set_as_default=False) as client:
            yield client
    finally:
        for name in given:
            os.environ.pop(name, None)


def _environment(workers: int) -> dict[str, str]:
    """Of each worker, before it imports TensorFlow: its share of the cores, and no chatter."""
    from dask.system import CPU_COUNT  # of this container, where it has a quota

    threads = str(max(CPU_COUNT // workers, 1))
    return {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@contextmanager
def _found(scheduler: str, timeout: float) -> Iterator[Any]:
    distributed = _dask()
    try:
        client = distributed.Client(scheduler, timeout=timeout, set_as_default=False)
    except Exception as error:  # no such address, nobody there, or something that is no scheduler
        raise WorkerError(
            f"no Dask scheduler answers at {scheduler} within {timeout:g} s; start one by 'dask scheduler' and "
            "give the address it prints, tcp://host:8786"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=timeout)
        except TimeoutError as error:
            raise WorkerError(
                f"the Dask scheduler at {scheduler} has no workers; start some by 'dask worker {scheduler}'"
            ) from error
        yield client
