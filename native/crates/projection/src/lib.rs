//! omendb-projection
