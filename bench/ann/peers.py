"""One peer in a process of its own, driven by lines of JSON: {"op": "build"|"load"|"sweep"|"batch"|...}. See driver in ann.mjs.

Each peer is set up as its own documents recommend; what is chosen stands in its class. One query is timed as one call from Python.
"""

import json
import os
import resource
import sys
import time

import numpy as np


class Set:
    def __init__(self, folder):
        with open(os.path.join(folder, "set.json")) as f:
            about = json.load(f)
        self.metric, self.dim = about["metric"], about["dim"]
        self.base = np.fromfile(os.path.join(folder, "base.f32"), np.float32).reshape(-1, self.dim)
        self.query = np.fromfile(os.path.join(folder, "query.f32"), np.float32).reshape(-1, self.dim)
        self.truth = np.fromfile(os.path.join(folder, "truth.i32"), np.int32).reshape(len(self.query), -1)


class Hnswlib:
    about = "M=16, ef_construction=200, f32"

    def build(self, s, threads):
        import hnswlib

        self.index = hnswlib.Index("l2" if s.metric == "l2" else "ip", s.dim)
        self.index.init_index(len(s.base), M=16, ef_construction=200)
        self.index.set_num_threads(threads)
        self.index.add_items(s.base)

    def save(self, path):
        self.index.save_index(path)

    def load(self, s, path):
        import hnswlib

        self.index = hnswlib.Index("l2" if s.metric == "l2" else "ip", s.dim)
        self.index.load_index(path)

    def prepare(self, ef, threads):
        self.index.set_ef(ef)
        self.index.set_num_threads(threads)

    def one(self, q, k):
        return self.index.knn_query(q, k)[0][0]

    def many(self, qs, k):
        return self.index.knn_query(qs, k)[0]


class Faiss:
    about = "HNSWFlat, M=16 (32 links), efConstruction=200"

    def build(self, s, threads):
        import faiss

        faiss.omp_set_num_threads(threads)
        metric = faiss.METRIC_L2 if s.metric == "l2" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.IndexHNSWFlat(s.dim, 16, metric)
        self.index.hnsw.efConstruction = 200
        self.index.add(s.base)

    def save(self, path):
        import faiss

        faiss.write_index(self.index, path)

    def load(self, s, path):
        import faiss

        self.index = faiss.read_index(path)

    def prepare(self, ef, threads):
        import faiss

        self.index.hnsw.efSearch = ef
        faiss.omp_set_num_threads(threads)

    def one(self, q, k):
        return self.index.search(q[None], k)[1][0]

    def many(self, qs, k):
        return self.index.search(qs, k)[1]


class FaissFlat(Faiss):
    about = "exact scan, f32"

    def build(self, s, threads):
        import faiss

        faiss.omp_set_num_threads(threads)
        self.index = (faiss.IndexFlatL2 if s.metric == "l2" else faiss.IndexFlatIP)(s.dim)
        self.index.add(s.base)

    def prepare(self, ef, threads):
        import faiss

        faiss.omp_set_num_threads(threads)


class Usearch:
    about = "M=16, expansion_add=200, bf16"
    dtype = "bf16"

    def index_of(self, s):
        from usearch.index import Index

        return Index(ndim=s.dim, metric="l2sq" if s.metric == "l2" else "cos", dtype=self.dtype, connectivity=16, expansion_add=200)

    def build(self, s, threads):
        self.index = self.index_of(s)
        self.index.add(np.arange(len(s.base)), s.base, threads=threads)

    def save(self, path):
        self.index.save(path)

    def load(self, s, path):
        self.index = self.index_of(s)
        self.index.load(path)

    def prepare(self, ef, threads):
        self.index.expansion_search = ef
        self.threads = threads

    def one(self, q, k):
        return self.index.search(q, k, threads=1).keys

    def many(self, qs, k):
        return self.index.search(qs, k, threads=self.threads).keys


class Scann:
    """Tree, asymmetric hashing of 2 dimensions a block, exact reordering. `ef` is leaves * 1000 + reordered."""

    def __init__(self, soar=False):
        self.soar = soar
        self.about = f"tree + AH 2 dims/block + reorder{', SOAR 1.5' if soar else ''}"

    def build(self, s, threads):
        import scann

        n = len(s.base)
        leaves = int(np.sqrt(n) * 2)
        b = scann.scann_ops_pybind.builder(s.base, 10, "squared_l2" if s.metric == "l2" else "dot_product")
        b.set_n_training_threads(threads)
        tree = dict(num_leaves=leaves, num_leaves_to_search=leaves // 20, training_sample_size=min(n, 250_000))
        if self.soar:
            tree.update(soar_lambda=1.5)
        b = b.tree(**tree)
        ah = dict(dimensions_per_block=2)
        if s.metric != "l2":
            ah.update(anisotropic_quantization_threshold=0.2)
        self.index = b.score_ah(**ah).reorder(100).build()

    def save(self, path):
        os.makedirs(path, exist_ok=True)
        self.index.serialize(path)

    def load(self, s, path):
        import scann

        self.index = scann.scann_ops_pybind.load_searcher(path)

    def prepare(self, ef, threads):
        self.leaves, self.reorder = divmod(ef, 1000)
        self.threads = threads

    def one(self, q, k):
        return self.index.search(q, final_num_neighbors=k, pre_reorder_num_neighbors=self.reorder, leaves_to_search=self.leaves)[0]

    def many(self, qs, k):
        search = self.index.search_batched_parallel if self.threads > 1 else self.index.search_batched
        return search(qs, final_num_neighbors=k, pre_reorder_num_neighbors=self.reorder, leaves_to_search=self.leaves)[0]


class Symqg:
    about = "degree 32, ef_construction=200, raw vectors"

    def build(self, s, threads):
        from rabitqlib import SymqgIndex

        self.index = SymqgIndex(s.dim, 32, "l2")
        self.index.build(s.base, 200, num_threads=threads)

    def save(self, path):
        self.index.save(path)

    def load(self, s, path):
        from rabitqlib import SymqgIndex

        self.index = SymqgIndex.load(path)

    def prepare(self, ef, threads):
        self.ef, self.threads = ef, threads

    def one(self, q, k):
        return self.index.search(q[None], k, self.ef)[0][0]

    def many(self, qs, k):
        return self.index.search_batch(qs, k, self.ef, num_threads=self.threads)[0]


class RabitqHnsw(Symqg):
    about = "M=16, ef_construction=200, 8 bits, 16 clusters"

    def build(self, s, threads):
        import faiss
        from rabitqlib import HnswIndex

        faiss.omp_set_num_threads(threads)
        kmeans = faiss.Kmeans(s.dim, 16, niter=10, seed=7)
        kmeans.train(s.base[:: max(1, len(s.base) // 50_000)])
        clusters = kmeans.index.search(s.base, 1)[1][:, 0].astype(np.uint32)
        self.index = HnswIndex(s.dim, len(s.base), 16, 200, 8, "l2")
        self.index.build(s.base, kmeans.centroids, clusters, num_threads=threads, fast_quantization=True)

    def load(self, s, path):
        from rabitqlib import HnswIndex

        self.index = HnswIndex.load(path)

    def many(self, qs, k):
        return self.index.search(qs, k, self.ef, num_threads=self.threads)[0]


PEERS = {
    "hnswlib": Hnswlib,
    "faiss-hnsw": Faiss,
    "faiss-flat": FaissFlat,
    "usearch-bf16": Usearch,
    "scann": Scann,
    "scann-soar": lambda: Scann(soar=True),
    "symqg": Symqg,
    "rabitq-hnsw": RabitqHnsw,
}


def memory():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def recall(found, truth, k):
    hits = sum(len(set(map(int, f[:k])) & set(map(int, t[:k]))) for f, t in zip(found, truth))
    return hits / (k * len(found))


def sweep(peer, s, efs, queries, k=10):
    """One query a call, one thread."""
    rows = []
    for ef in efs:
        peer.prepare(ef, 1)
        for q in s.query[:50]:
            peer.one(q, k)
        found, times = [], []
        for q in s.query[:queries]:
            start = time.perf_counter_ns()
            hit = peer.one(q, k)
            times.append(time.perf_counter_ns() - start)
            found.append(hit)
        times = np.sort(times) / 1000
        rows.append(dict(ef=ef, recall=recall(found, s.truth, k), p50=float(times[len(times) // 2]), p99=float(times[int(len(times) * 0.99)])))
    return rows


def batch(peer, s, efs, queries, threads, k=10):
    rows = []
    qs = np.ascontiguousarray(np.resize(s.query[:queries], (max(queries, 2000), s.dim)))
    for ef in efs:
        peer.prepare(ef, threads)
        peer.many(qs[:200], k)
        start = time.perf_counter()
        found = peer.many(qs, k)
        took = time.perf_counter() - start
        rows.append(dict(ef=ef, recall=recall(found[:queries], s.truth, k), qps=len(qs) / took))
    return rows


def exact(peer, s, queries, k=10):
    """One query a call, one thread; every row is compared."""
    peer.prepare(0, 1)
    found, times = [], []
    for q in s.query[:queries]:
        start = time.perf_counter_ns()
        hit = peer.one(q, k)
        times.append(time.perf_counter_ns() - start)
        found.append(hit)
    times = np.sort(times) / 1000
    return dict(recall=recall(found, s.truth, k), p50=float(times[len(times) // 2]))


def bandwidth():
    """Bytes a second that one thread reads from memory: the greatest of 256 MiB of numbers, best of five."""
    words = np.ones(1 << 25, np.uint64)
    best = 1e9
    for _ in range(5):
        start = time.perf_counter()
        words.max()
        best = min(best, time.perf_counter() - start)
    return words.nbytes / best


def main():
    s, peer, name = None, None, None
    for line in sys.stdin:
        order = json.loads(line)
        op = order["op"]
        try:
            if op == "open":
                s, name = Set(order["set"]), order["peer"]
                peer = PEERS[name]()
                answer = dict(about=peer.about)
            elif op == "build":
                before, start = memory(), time.perf_counter()
                peer.build(s, order["threads"])
                answer = dict(seconds=time.perf_counter() - start, bytes=memory() - before)
                if order.get("save"):
                    peer.save(order["save"])
            elif op == "load":
                before, start = memory(), time.perf_counter()
                peer.load(s, order["path"])
                peer.prepare(order["ef"], 1)
                peer.one(s.query[0], 10)
                answer = dict(seconds=time.perf_counter() - start, bytes=memory() - before)
            elif op == "sweep":
                answer = dict(rows=sweep(peer, s, order["efs"], order["queries"]))
            elif op == "exact":
                answer = exact(peer, s, order["queries"])
            elif op == "bandwidth":
                answer = dict(bytes=bandwidth())
            elif op == "batch":
                answer = dict(rows=batch(peer, s, order["efs"], order["queries"], order["threads"]))
            else:
                answer = dict(error=f"no operation {op}")
        except Exception as error:  # the driver says which peer failed, and goes on
            answer = dict(error=f"{type(error).__name__}: {error}")
        print(json.dumps(answer), flush=True)


main()
