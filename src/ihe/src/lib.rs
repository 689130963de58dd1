//! ihe
