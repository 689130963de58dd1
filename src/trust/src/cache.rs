//! Assertions and tokens already verified: what they claim and who signed them, by the hash of their text.
//!
//! The text (with the namespaces it stands under) decides the signature's arithmetic and the claims entirely: there is no
//! DTD. Nothing that depends on time, on revocation or on the caller is kept: that is looked at each time, and an entry
//! whose assertion has expired, or whose signer is trusted no longer, is dropped when it is met.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{Context, SHA256};

use crate::{Claims, Peer};

/// Kept in each of two generations: the older one is dropped when the younger is full.
const GENERATION: usize = 2048;

/// A verified assertion or token.
pub(crate) struct Known {
    pub(crate) claims: Claims,
    pub(crate) signer: Peer,
}

type Map<T> = HashMap<[u8; 32], Arc<T>>;

/// Bounded: at most two generations.
pub(crate) struct Cache<T = Known>(Mutex<(Map<T>, Map<T>)>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// The key of an assertion, or of a token (which stands under no namespaces).
pub(crate) fn key(source: &str, namespaces: &[(String, String)]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let mut part = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    for (prefix, uri) in namespaces {
        part(prefix);
        part(uri);
    }
    part(source);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

impl<T> Cache<T> {
    fn maps(&self) -> MutexGuard<'_, (Map<T>, Map<T>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &[u8; 32]) -> Option<Arc<T>> {
        let mut maps = self.maps();
        if let Some(known) = maps.0.get(key) {
            return Some(known.clone());
        }
        let known = maps.1.remove(key)?;
        Self::enter(&mut maps, *key, known.clone());
        Some(known)
    }

    fn enter(maps: &mut (Map<T>, Map<T>), key: [u8; 32], known: Arc<T>) {
        if maps.0.len() >= GENERATION {
            maps.1 = std::mem::take(&mut maps.0);
        }
        maps.0.insert(key, known);
    }

    /// Drops what will never be accepted again.
    pub(crate) fn forget(&self, key: &[u8; 32]) {
        let mut maps = self.maps();
        maps.0.remove(key);
        maps.1.remove(key);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let maps = self.maps();
        maps.0.len() + maps.1.len()
    }

    pub(crate) fn put(&self, key: [u8; 32], known: Arc<T>) {
        Self::enter(&mut self.maps(), key, known);
    }
}
