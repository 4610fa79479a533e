//! The service: routes, what callers may see, and what the answers look like on the wire.
