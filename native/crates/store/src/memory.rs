//! Memory that was freed, given back to the system.

/// To be called after work that took much memory for a short time: the allocator keeps what was freed for the next such work, which may never come.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time by any thread; it takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
