//! What the desk remembers between calls: which space is whose, and the settings of spaces.
//!
//! A cache that may only be wrong in ways the store corrects: every act commits on condition that the revision it was
//! decided on still stands, so old settings cost one more attempt, never a wrong answer.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use space::{Ins, Settings, SpaceId};

/// Entries kept; past it the whole cache is dropped, which costs two reads a space.
const LIMIT: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Known {
    spaces: RwLock<HashMap<Ins, SpaceId>>,
    settings: RwLock<HashMap<SpaceId, Arc<Settings>>>,
}

impl Known {
    pub(crate) fn space(&self, ins: &Ins) -> Option<SpaceId> {
        self.spaces.read().unwrap_or_else(PoisonError::into_inner).get(ins).copied()
    }

    pub(crate) fn remember_space(&self, ins: &Ins, space: SpaceId) {
        let mut spaces = self.spaces.write().unwrap_or_else(PoisonError::into_inner);
        if spaces.len() >= LIMIT {
            spaces.clear();
        }
        spaces.insert(ins.clone(), space);
    }

    /// A space that was merged: its holder's number leads elsewhere. Its settings stay, which say so for good.
    pub(crate) fn forget_space(&self, space: SpaceId) {
        self.spaces.write().unwrap_or_else(PoisonError::into_inner).retain(|_, known| *known != space);
    }

    pub(crate) fn settings(&self, space: SpaceId) -> Option<Arc<Settings>> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).get(&space).cloned()
    }

    pub(crate) fn remember_settings(&self, space: SpaceId, settings: &Arc<Settings>) {
        let mut known = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= LIMIT {
            known.clear();
        }
        known.insert(space, Arc::clone(settings));
    }

    pub(crate) fn forget_all(&self) {
        self.settings.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn forget_settings(&self, space: SpaceId) {
        self.settings.write().unwrap_or_else(PoisonError::into_inner).remove(&space);
    }
}
