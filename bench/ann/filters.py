"""Makes what filtered searches need in a set's folder: columns, true neighbours among the rows that pass, and the rows with their columns.

    python filters.py FOLDER

`bucket` is a random number from 0 to 999. `slope` is 0 to 999 too, by the rank of a row's projection on the direction from the middle of
all rows to one of them: rows of a small slope are near each other, and far from most queries. That is hard for graphs. The same seed
gives the same columns.
"""

import json
import os
import sys

import numpy as np

BELOW = (500, 100, 10, 1)
K = 10


def columns(base, seed=11):
    rng = np.random.default_rng(seed)
    bucket = rng.integers(0, 1000, len(base), dtype=np.int32)
    along = base @ (base[rng.integers(len(base))] - base.mean(axis=0))
    slope = np.empty(len(base), np.int32)
    slope[np.argsort(-along, kind="stable")] = np.arange(len(base), dtype=np.int64) * 1000 // len(base)
    return dict(bucket=bucket, slope=slope)


def truth(base, query, metric, passes):
    """-1 in the places that no row takes."""
    import faiss

    rows = np.flatnonzero(passes).astype(np.int32)
    index = (faiss.IndexFlatL2 if metric == "l2" else faiss.IndexFlatIP)(base.shape[1])
    index.add(base[rows])
    found = index.search(query, K)[1]
    return np.where(found < 0, -1, rows[found]).astype(np.int32)


def parquet(path, base, values):
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("vector", pa.list_(pa.float32(), base.shape[1])), *((name, pa.int32()) for name in values)])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, len(base), 100_000):
            part = slice(start, start + 100_000)
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(base[part].reshape(-1)), base.shape[1])
            writer.write_table(pa.table([vectors, *(pa.array(column[part]) for column in values.values())], schema=schema))


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "set.json")) as f:
        about = json.load(f)
    read = lambda name: np.fromfile(os.path.join(folder, name), np.float32).reshape(-1, about["dim"])
    base, query = read("base.f32"), read("query.f32")
    values = columns(base)
    passing = {}
    for name, column in values.items():
        column.tofile(os.path.join(folder, f"{name}.i32"))
        for below in BELOW:
            passes = column < below
            passing[f"{name}-{below}"] = int(passes.sum())
            truth(base, query, about["metric"], passes).tofile(os.path.join(folder, f"truth-{name}-{below}.i32"))
    parquet(os.path.join(folder, "rows.parquet"), base, values)
    # Last: all is there when this is.
    with open(os.path.join(folder, "filters.json"), "w") as f:
        json.dump(dict(passing=passing), f)


main()
