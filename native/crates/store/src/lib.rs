//! omendb-store
