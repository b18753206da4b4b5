"""Peers that walk a graph over whole vectors, and faiss flat. Each is set up as its own documents recommend; what is chosen stands in its class."""

import numpy as np


class Hnswlib:
    needs = ["hnswlib"]
    about = "M=16, ef_construction=200, f32"
    passes = None

    def build(self, s, threads, **_):
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

    def filter(self, rows, column, below):
        # Its documents: a filter is a function of a label, and with one there should be one thread.
        self.passes = None if rows is None else rows.tolist().__getitem__

    def prepare(self, ef, threads):
        self.index.set_ef(ef)
        self.index.set_num_threads(threads)

    def one(self, q, k):
        if self.passes is None:
            return self.index.knn_query(q, k)[0][0]
        try:
            return self.index.knn_query(q, k, num_threads=1, filter=self.passes)[0][0]
        except RuntimeError:
            # It gives nothing at all where it finds fewer than k.
            return []

    def many(self, qs, k):
        return [self.one(q, k) for q in qs] if self.passes else self.index.knn_query(qs, k)[0]


class Faiss:
    needs = ["faiss"]
    about = "HNSWFlat, M=16 (32 links), efConstruction=200"
    params = None

    def build(self, s, threads, **_):
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

    def filter(self, rows, column, below):
        import faiss

        self.params = None
        if rows is not None:
            self.params = self.parameters(faiss)
            # The parameters do not keep these two alive.
            self.bits = np.packbits(rows, bitorder="little")
            self.selector = faiss.IDSelectorBitmap(self.bits)
            self.params.sel = self.selector

    def parameters(self, faiss):
        return faiss.SearchParametersHNSW()

    def prepare(self, ef, threads):
        import faiss

        self.index.hnsw.efSearch = ef
        if self.params:
            self.params.efSearch = ef
        faiss.omp_set_num_threads(threads)

    def one(self, q, k):
        return self.index.search(q[None], k, params=self.params)[1][0]

    def many(self, qs, k):
        return self.index.search(qs, k, params=self.params)[1]


class FaissFlat(Faiss):
    about = "exact scan, f32"

    def build(self, s, threads, **_):
        import faiss

        faiss.omp_set_num_threads(threads)
        self.index = (faiss.IndexFlatL2 if s.metric == "l2" else faiss.IndexFlatIP)(s.dim)
        self.index.add(s.base)

    def parameters(self, faiss):
        return faiss.SearchParameters()

    def prepare(self, ef, threads):
        import faiss

        faiss.omp_set_num_threads(threads)


class Usearch:
    """Neither this binding nor that of npm has the filter that its C++ and Rust have."""

    needs = ["usearch.index"]
    about = "M=16, expansion_add=200, bf16"
    dtype = "bf16"

    def index_of(self, s):
        from usearch.index import Index

        return Index(ndim=s.dim, metric="l2sq" if s.metric == "l2" else "cos", dtype=self.dtype, connectivity=16, expansion_add=200)

    def build(self, s, threads, **_):
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
