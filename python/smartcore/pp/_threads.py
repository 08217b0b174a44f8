"""Parts of an array on several threads, their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_info

Part = TypeVar("Part")
Result = TypeVar("Result")


def n_threads() -> int:
    """Threads that linear algebra may use here: what users limit, they limit for all."""
    return max((one["num_threads"] for one in threadpool_info()), default=1)


def in_order(
    function: Callable[[Part], Result], parts: Iterable[Part], threads: int
) -> Iterator[Result]:
    """``function`` of each part, in the order of the parts whatever the number of threads.

    Sums of the results therefore have the same bits. For functions that leave Python's lock to
    others, as products of sparse matrices do.
    """
    parts = list(parts)
    if min(threads, len(parts)) < 2:
        yield from map(function, parts)
        return
    with ThreadPoolExecutor(min(threads, len(parts))) as pool:
        # As many at a time as keep the threads at work: results that wait take memory.
        ahead: deque[Future[Result]] = deque()
        for part in parts:
            if len(ahead) == 2 * threads:
                yield ahead.popleft().result()
            ahead.append(pool.submit(function, part))
        while ahead:
            yield ahead.popleft().result()
