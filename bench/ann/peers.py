"""One peer in a process of its own, driven by lines of JSON: {"op": "build"|"load"|"sweep"|"batch"|...}. See bench/lib/peer.mjs.

One query is timed as one call from Python.
"""

import importlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time

import numpy as np
from graphs import Faiss, FaissFlat, Hnswlib, Usearch
from qdrant import QdrantEdge
from quantised import RabitqHnsw, Scann, Symqg

PEERS = {
    "hnswlib": Hnswlib,
    "faiss-hnsw": Faiss,
    "faiss-flat": FaissFlat,
    "usearch-bf16": Usearch,
    "scann": Scann,
    "scann-soar": lambda: Scann(soar=True),
    "symqg": Symqg,
    "rabitq-hnsw": RabitqHnsw,
    "qdrant-edge": QdrantEdge,
}
K = 10


class Set:
    def __init__(self, folder):
        with open(os.path.join(folder, "set.json")) as f:
            about = json.load(f)
        self.folder, self.metric, self.dim = folder, about["metric"], about["dim"]
        self.base = np.fromfile(os.path.join(folder, "base.f32"), np.float32).reshape(-1, self.dim)
        self.query = np.fromfile(os.path.join(folder, "query.f32"), np.float32).reshape(-1, self.dim)
        self.read_truth("truth.i32")

    def read_truth(self, name):
        self.truth = np.fromfile(os.path.join(self.folder, name), np.int32).reshape(len(self.query), -1)


def memory():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def most():
    """The most bytes that this process has held since the mark was set back."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))


class Held:
    """Bytes above what was held before."""

    def __init__(self):
        try:
            # The system's mark of the most that was held goes back to now.
            with open("/proc/self/clear_refs", "w") as f:
                f.write("5")
        except OSError:
            pass  # then the mark also covers what went before
        self.before = memory()

    def now(self):
        now = memory()
        # The mark may lag behind.
        return dict(bytes=now - self.before, peak=max(now, most()) - self.before)


def recall(found, truth):
    """The share of the true neighbours that was found; a filter may leave fewer than ten."""
    hits = sum(len(set(map(int, f[:K])) & set(map(int, t[:K])) - {-1}) for f, t in zip(found, truth))
    return hits / int((truth[: len(found), :K] >= 0).sum())


def forms(peer, qs):
    """Queries as the peer takes them."""
    return [peer.form(q) for q in qs] if hasattr(peer, "form") else qs


def timed(peer, s, queries):
    """One query a call, one thread."""
    found, times = [], []
    for q in forms(peer, s.query[:queries]):
        start = time.perf_counter_ns()
        hit = peer.one(q, K)
        times.append(time.perf_counter_ns() - start)
        found.append(hit)
    times = np.sort(times) / 1000
    return dict(recall=recall(found, s.truth), p50=float(times[len(times) // 2]), p99=float(times[int(len(times) * 0.99)]))


def bandwidth():
    """Bytes a second that one thread reads from memory: the greatest of 256 MiB of numbers, best of five."""
    words = np.ones(1 << 25, np.uint64)
    best = 1e9
    for _ in range(5):
        start = time.perf_counter()
        words.max()
        best = min(best, time.perf_counter() - start)
    return words.nbytes / best


class Orders:
    """Each is an operation; its answer is a dictionary."""

    def __init__(self, scratch):
        self.scratch = scratch

    def open(self, peer, set):
        self.s, self.peer = Set(set), PEERS[peer]()
        # Before anything is measured.
        for module in self.peer.needs:
            importlib.import_module(module)
        return dict(about=self.peer.about, columns=getattr(self.peer, "columns", False), filters=hasattr(self.peer, "filter"))

    def measured(self, body):
        """Runs `body` and says what it took: seconds and bytes."""
        self.memory, start = Held(), time.perf_counter()
        body()
        return dict(seconds=time.perf_counter() - start, **self.memory.now())

    def build(self, threads, columns=False, save=None):
        path = save or os.path.join(self.scratch, "index")
        answer = self.measured(lambda: self.peer.build(self.s, threads, path=path, columns=columns))
        if save:
            self.peer.save(path)
        return answer

    def load(self, path, ef):
        def body():
            self.peer.load(self.s, path)
            self.peer.prepare(ef, 1)
            self.peer.one(forms(self.peer, self.s.query[:1])[0], K)

        return self.measured(body)

    def held(self):
        return self.memory.now()

    def filter(self, ef, turn, column=None, below=None):
        """What the searches that follow are asked for: rows whose `column` is less than `below`; all without a column.

        Answers with the time, in us, until the first such search has its answer.
        """
        self.s.read_truth(f"truth-{column}-{below}.i32" if column else "truth.i32")
        values = np.fromfile(os.path.join(self.s.folder, f"{column}.i32"), np.int32) if column else None
        query = forms(self.peer, self.s.query[:1])[0]
        self.peer.prepare(ef, 1)
        start = time.perf_counter_ns()
        self.peer.filter(None if values is None else values < below, column, below)
        self.peer.prepare(ef, 1)
        self.peer.one(query, K)
        return dict(first=(time.perf_counter_ns() - start) / 1000)

    def sweep(self, efs, queries):
        rows = []
        for ef in efs:
            self.peer.prepare(ef, 1)
            for q in forms(self.peer, self.s.query[:50]):
                self.peer.one(q, K)
            rows.append(dict(ef=ef, **timed(self.peer, self.s, queries)))
        return dict(rows=rows)

    def batch(self, efs, queries, threads, count):
        """`count` queries at once: the first `queries`, again and again."""
        rows = []
        qs = np.ascontiguousarray(np.resize(self.s.query[:queries], (count, self.s.dim)))
        qs = forms(self.peer, qs)
        for ef in efs:
            self.peer.prepare(ef, threads)
            self.peer.many(qs[: count // 10 + 1], K)
            start = time.perf_counter()
            found = self.peer.many(qs, K)
            took = time.perf_counter() - start
            rows.append(dict(ef=ef, recall=recall(found[:queries], self.s.truth), qps=len(qs) / took))
        return dict(rows=rows)

    def exact(self, queries):
        """Every row is compared."""
        self.peer.prepare(0, 1)
        return timed(self.peer, self.s, queries)

    def bandwidth(self):
        return dict(bytes=bandwidth())


def main():
    scratch = tempfile.mkdtemp(prefix="omendb-bench-")
    orders = Orders(scratch)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(orders, order.pop("op"))(**order)
        except Exception as error:  # the driver says which peer failed, and goes on
            answer = dict(error=f"{type(error).__name__}: {error}")
        print(json.dumps(answer), flush=True)
    shutil.rmtree(scratch, ignore_errors=True)


main()
