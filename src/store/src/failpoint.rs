//! Places where a test makes the program die or fail, to see what is left. In programs built for release they are nothing.
//!
//! `PASSERELLE_FAILPOINT=NAME=ACTION[@N]`: `kill` ends the process at once, as `kill -9` would; `fail` makes the step fail
//! as a full disk does; `wait` holds it for a second. With `@N` only at its N-th time, else each time.

/// Passes the place `name`.
///
/// # Errors
/// The one that a test asked for.
#[cfg(debug_assertions)]
pub(crate) fn at(name: &str) -> Result<(), std::io::Error> {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };
    static ASKED: LazyLock<Option<(String, String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("PASSERELLE_FAILPOINT").ok()?;
        let (name, rest) = text.split_once('=')?;
        let (action, time) = rest.split_once('@').unwrap_or((rest, "0"));
        Some((name.to_owned(), action.to_owned(), time.parse().ok()?))
    });
    static TIMES: AtomicU64 = AtomicU64::new(0);
    let Some((place, action, time)) = &*ASKED else { return Ok(()) };
    if place != name {
        return Ok(());
    }
    let now = TIMES.fetch_add(1, Ordering::Relaxed) + 1;
    if *time != 0 && now != *time {
        return Ok(());
    }
    match action.as_str() {
        "kill" => std::process::abort(),
        "wait" => std::thread::sleep(std::time::Duration::from_secs(1)),
        _ => return Err(std::io::ErrorKind::StorageFull.into()),
    }
    Ok(())
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as where it is something")]
#[inline]
pub(crate) const fn at(_: &str) -> Result<(), std::io::Error> {
    Ok(())
}
