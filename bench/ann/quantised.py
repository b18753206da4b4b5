"""Peers that walk or scan codes of the vectors. Each is set up as its own documents recommend; what is chosen stands in its class."""

import os

import numpy as np


class Scann:
    """Tree, asymmetric hashing of 2 dimensions a block, exact reordering. `ef` is leaves * 1000 + reordered."""

    needs = ["scann"]

    def __init__(self, soar=False):
        self.soar = soar
        self.about = f"tree + AH 2 dims/block + reorder{', SOAR 1.5' if soar else ''}"

    def build(self, s, threads, **_):
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
    needs = ["rabitqlib"]
    about = "degree 32, ef_construction=200, raw vectors"

    def build(self, s, threads, **_):
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
    needs = ["rabitqlib", "faiss"]
    about = "M=16, ef_construction=200, 8 bits, 16 clusters"

    def build(self, s, threads, **_):
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
