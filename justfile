# What CI runs, piece by piece, so that a contributor runs exactly that.

# Everything, as CI does.
ci:
    ./.ci/run

# The demonstration gateway.
demo:
    cargo run -- demo

# Format, lints, tests.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test --workspace

# One room (needs cargo-nextest), with the whole workspace's features (no needless rebuilds).
room name:
    cargo nextest run --workspace -E 'package({{ name }})'

# Fuzzing of one reader of outside bytes (multipart, soap, saml, xdm_zip, cda_header), for so many seconds.
fuzz target seconds="3600":
    ./.ci/fuzz {{ seconds }} {{ target }}

# Conformance against a fresh demonstration.
conformance:
    ./.ci/conformance

# Load, as docs/performance.md reports it.
bench *arguments:
    cargo run --release -p passerelle-bench -- {{ arguments }}

# A thousand kills under load.
crash:
    PASSERELLE_CRASH_ROUNDS=1000 cargo test --release -p passerelle-tests crash -- --nocapture
