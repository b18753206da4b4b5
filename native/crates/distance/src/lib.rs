//! omendb-distance
