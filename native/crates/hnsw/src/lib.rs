//! omendb-hnsw
