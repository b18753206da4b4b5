"""Qdrant inside of the process. Its documents' numbers: int8 codes with a quantile of 0.99 that stay in memory, and rescoring of twice as many rows.

A set or a selection below the full scan threshold, which is its default, is compared row by row, whatever ef is.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np

COLUMNS = ("bucket", "slope")
# Rows that are sent at once.
PART = 1000


class QdrantEdge:
    needs = ["qdrant_edge"]
    about = "m=16, ef_construct=200, int8 codes, rescored with oversampling 2, full scans below 10 MB"
    columns = True
    condition = None

    def build(self, s, threads, path, columns=False):
        import qdrant_edge as qe

        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        self.shard = qe.EdgeShard.create(path, self.config(qe, s, threads))
        names = COLUMNS if columns else ()
        # Before the graph is built, so that it gets links for what filters ask.
        for name in names:
            self.shard.update(qe.UpdateOperation.create_field_index(name, qe.PayloadSchemaType.Integer))
        values = [np.fromfile(os.path.join(s.folder, f"{name}.i32"), np.int32).tolist() for name in names]
        for start in range(0, len(s.base), PART):
            points = [
                qe.Point(row, s.base[row].tolist(), {name: column[row] for name, column in zip(names, values)})
                for row in range(start, min(start + PART, len(s.base)))
            ]
            self.shard.update(qe.UpdateOperation.upsert_points(points))
        while self.shard.optimize():
            pass
        self.shard.flush()

    @staticmethod
    def config(qe, s, threads):
        return qe.EdgeConfig(
            vectors=qe.EdgeVectorParams(size=s.dim, distance=qe.Distance.Euclid if s.metric == "l2" else qe.Distance.Cosine),
            hnsw_config=qe.HnswIndexConfig(m=16, ef_construct=200, full_scan_threshold=10_000, max_indexing_threads=threads),
            quantization_config=qe.ScalarQuantizationConfig(type=qe.ScalarType.Int8, quantile=0.99, always_ram=True),
            # One segment, so that one query is one walk; a small threshold, so that small sets get a graph too.
            optimizers=qe.EdgeOptimizersConfig(default_segment_number=1, max_segment_size=1 << 30, indexing_threshold=1000),
        )

    def save(self, path):
        pass

    def load(self, s, path):
        import qdrant_edge as qe

        self.shard = qe.EdgeShard.load(path)

    def filter(self, rows, column, below):
        import qdrant_edge as qe

        self.condition = None
        if rows is not None:
            self.condition = qe.Filter(must=[qe.FieldCondition(key=column, range=qe.RangeFloat(lt=below))])

    def prepare(self, ef, threads):
        import qdrant_edge as qe

        self.qe, self.threads = qe, threads
        self.params = qe.SearchParams(hnsw_ef=ef, exact=ef == 0, quantization=qe.QuantizationSearchParams(rescore=True, oversampling=2.0))

    def form(self, q):
        """It takes lists of numbers; made outside of the timing."""
        return q.tolist()

    def one(self, q, k):
        qe = self.qe
        found = self.shard.search(qe.SearchRequest(query=qe.Query.Nearest(q), limit=k, filter=self.condition, params=self.params))
        return [point.id for point in found]

    def many(self, qs, k):
        # A batch runs on one thread, so that each has a part of them.
        parts = [qs[start :: self.threads] for start in range(self.threads)]
        found = [None] * len(qs)
        with ThreadPoolExecutor(self.threads) as pool:
            for start, part in enumerate(pool.map(lambda part: self.batch(part, k), parts)):
                found[start :: self.threads] = part
        return found

    def batch(self, qs, k):
        qe = self.qe
        asked = [qe.QueryRequest(limit=k, query=qe.Query.Nearest(q), filter=self.condition, params=self.params) for q in qs]
        return [[point.id for point in found] for found in self.shard.query_batch(qe.QueryBatchRequest(asked))]
