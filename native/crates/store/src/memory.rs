//! What a store keeps in memory, memory that was freed, given back to the system, and cores that are left to others.

/// What an open store keeps in memory of the vectors that an index is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memory {
    /// All that searches come across: the files are mapped, and stay in memory as long as the system has room. The fastest.
    #[default]
    Full,
    /// The indexes alone. The vectors of the few rows that a search compares exactly are read from their files, which the system may or may not have in its
    /// cache; whatever needs all vectors lets them go afterwards.
    Compact,
}

/// To be called after work that took much memory for a short time: the allocator keeps what was freed for the next such work, which may never come.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time by any thread; it takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
