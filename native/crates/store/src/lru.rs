//! A small cache of the results most recently used.

/// Holds up to `capacity` values, newest last. Meant for a handful: look-up is a scan.
pub(crate) struct Lru<K, V> {
    entries: Vec<(K, V)>,
    capacity: usize,
}

impl<K: Eq, V: Clone> Lru<K, V> {
    pub fn new(capacity: usize) -> Self {
        Lru {
            entries: Vec::new(),
            capacity,
        }
    }

    /// The value of a key, which becomes the newest.
    pub fn get<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let at = self.entries.iter().position(|(k, _)| k.borrow() == key)?;
        let entry = self.entries.remove(at);
        let value = entry.1.clone();
        self.entries.push(entry);
        Some(value)
    }

    /// Adds a value as the newest and drops the oldest one past the capacity.
    pub fn put(&mut self, key: K, value: V) {
        self.entries.retain(|(k, _)| *k != key);
        if self.entries.len() >= self.capacity && !self.entries.is_empty() {
            self.entries.remove(0);
        }
        self.entries.push((key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unused_value_is_dropped_first() {
        let mut lru = Lru::new(2);
        lru.put("a".to_owned(), 1);
        lru.put("b".to_owned(), 2);
        assert_eq!(lru.get("a"), Some(1));
        lru.put("c".to_owned(), 3);
        assert_eq!(lru.get("b"), None);
        assert_eq!((lru.get("a"), lru.get("c")), (Some(1), Some(3)));
    }
}
