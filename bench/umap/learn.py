"""umap-learn in a process of its own, and the judge of all maps; driven by lines of JSON, see bench/umap.mjs.

Trustworthiness and continuity (Venna and Kaski 2001) are scikit-learn's: for a sample of rows, with exact neighbours and ranks among all others, by the
distance of the set.
"""

import json
import os
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
K = 15
# Neighbours beside the row itself, which umap-learn counts as one of its own.
OTHERS = K - 1
EPOCHS = 200
CHUNK = 200


class Set:
    def __init__(self, folder):
        with open(os.path.join(folder, "set.json")) as f:
            about = json.load(f)
        self.metric, self.dim = about["metric"], about["dim"]
        self.base = np.fromfile(os.path.join(folder, "base.f32"), np.float32).reshape(-1, self.dim)
        if self.metric == "cosine":
            self.base /= np.linalg.norm(self.base, axis=1, keepdims=True)


def neighbours(own, folder):
    """Exact neighbours, the row itself left out: knn.i32 and knn.f32 with the distances of the metric."""
    import faiss

    index = (faiss.IndexFlatL2 if own.metric == "l2" else faiss.IndexFlatIP)(own.dim)
    index.add(own.base)
    ids = np.empty((len(own.base), OTHERS), np.int32)
    distances = np.empty((len(own.base), OTHERS), np.float32)
    for start in range(0, len(own.base), 8192):
        rows = np.arange(start, min(start + 8192, len(own.base)))
        scores, found = index.search(own.base[rows], OTHERS + 1)
        # A duplicate may stand before the row itself.
        itself = found == rows[:, None]
        itself[~itself.any(axis=1), -1] = True
        ids[rows] = found[~itself].reshape(-1, OTHERS)
        scores = scores[~itself].reshape(-1, OTHERS)
        distances[rows] = 1 - scores if own.metric == "cosine" else np.sqrt(np.maximum(scores, 0))
    ids.tofile(os.path.join(folder, "knn.i32"))
    np.maximum(distances, 0).tofile(os.path.join(folder, "knn.f32"))
    return {}


def fit(own, folder, given, out):
    """One map, with or without the neighbours; compiled before."""
    import umap

    options = dict(n_neighbors=K, n_epochs=EPOCHS, metric="cosine" if own.metric == "cosine" else "euclidean")
    if given:
        n = len(own.base)
        ids = np.fromfile(os.path.join(folder, "knn.i32"), np.int32).reshape(n, OTHERS)
        distances = np.fromfile(os.path.join(folder, "knn.f32"), np.float32).reshape(n, OTHERS)
        ids = np.hstack([np.arange(n, dtype=np.int32)[:, None], ids])
        distances = np.hstack([np.zeros((n, 1), np.float32), distances])
        # Otherwise it compares all rows of small sets by itself.
        options.update(precomputed_knn=(ids, distances, None), force_approximation_algorithm=True)
    start = time.perf_counter()
    xy = umap.UMAP(**options).fit_transform(own.base)
    seconds = time.perf_counter() - start
    np.ascontiguousarray(xy, np.float32).tofile(out)
    return dict(seconds=seconds)


def warm(own):
    """The compilation for these parameters, on a few rows: what comes after is free of it."""
    import umap

    start = time.perf_counter()
    rows = own.base[np.random.default_rng(1).choice(len(own.base), 5000, replace=False)]
    umap.UMAP(n_neighbors=K, n_epochs=5, metric="cosine" if own.metric == "cosine" else "euclidean").fit(rows)
    return dict(seconds=time.perf_counter() - start)


def transform(own, out, every):
    """A map of all rows but one in so many, which are placed on it then: all of them in the order of the set."""
    import umap

    later = np.arange(len(own.base)) % every == 0
    mapper = umap.UMAP(n_neighbors=K, n_epochs=EPOCHS, metric="cosine" if own.metric == "cosine" else "euclidean")
    xy = np.empty((len(own.base), 2), np.float32)
    xy[~later] = mapper.fit_transform(own.base[~later])
    # Compiled on a few.
    mapper.transform(own.base[later][:100])
    start = time.perf_counter()
    xy[later] = mapper.transform(own.base[later])
    seconds = time.perf_counter() - start
    xy.tofile(out)
    return dict(seconds=seconds)


def score(own, path, sample, every=1):
    """Of a sample of the rows, or of one in so many, against all."""
    xy = np.fromfile(path, np.float32).reshape(-1, 2)
    n = len(own.base)
    assert xy.shape == (n, 2) and np.isfinite(xy).all(), f"{path} has no map of {n} rows"
    xy = xy.astype(np.float64)
    rows = np.arange(0, n, every)
    if len(rows) > sample:
        rows = np.random.default_rng(0).choice(rows, sample, replace=False)
    squares, flat = (own.base.astype(np.float64) ** 2).sum(1), (xy**2).sum(1)
    strangers = lost = 0
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        at = np.arange(len(part))
        true = squares[part, None] - 2 * (own.base[part] @ own.base.T) + squares[None]
        drawn = flat[part, None] - 2 * xy[part] @ xy.T + flat[None]
        true[at, part] = drawn[at, part] = np.inf
        for order, other, true_first in ((drawn, true, False), (true, drawn, True)):
            near = np.argpartition(order, K, axis=1)[:, :K]
            own_scores = np.take_along_axis(other, near, 1)
            beyond = 0
            for column in range(K):
                rank = (other < own_scores[:, column, None]).sum(1) + 1
                beyond += np.maximum(rank - K, 0).sum()
            if true_first:
                lost += beyond
            else:
                strangers += beyond
    worst = len(rows) * K * (2 * n - 3 * K - 1) / 2
    return dict(trustworthiness=1 - strangers / worst, continuity=1 - lost / worst, sample=len(rows))


def main():
    own = None
    for line in sys.stdin:
        order = json.loads(line)
        op = order.pop("op")
        try:
            if op == "open":
                own = Set(order["set"])
                answer = {}
            else:
                operations = dict(neighbours=neighbours, fit=fit, transform=transform, warm=warm, score=score)
                answer = operations[op](own, **order)
        except Exception as e:
            answer = dict(error=f"{type(e).__name__}: {e}")
        print(json.dumps(answer), flush=True)


main()
