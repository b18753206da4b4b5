//! omendb-formats
