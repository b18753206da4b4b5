//! omendb-filter
