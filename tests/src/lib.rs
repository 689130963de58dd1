//! Integration tests live in `suite/`, what they share in `kit/`.
